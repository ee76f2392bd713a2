// The inner loop of 4-bit weights against 8-bit activations with AVX2: a tile of 6 rows × 2
// vectors. Included by quantised_avx2.cpp. (No include guard.)
//
// It takes all 16 registers: 12 sums, 2 vectors of weights, a broadcast and its products. It is
// assembly because GCC 12 compiles the same intrinsics to code that keeps the sums in memory and
// takes twice as long.

// clang-format off
/// Reads a step of the weights.
#define GLM_IMAGE_LOAD_STEP             \
  "vmovdqa (%[weights]), %%ymm12\n\t"   \
  "vmovdqa 32(%[weights]), %%ymm13\n\t" \
  "add $256, %[weights]\n\t"
/// The products of a row, whose four values are at x: its first sums.
#define GLM_IMAGE_FIRST_OF_ROW(x, sum, next_sum)    \
  "vpbroadcastd " x "(%[x]), %%ymm14\n\t"           \
  "vpmaddubsw %%ymm14, %%ymm12, %%" sum "\n\t"      \
  "vpmaddubsw %%ymm14, %%ymm13, %%" next_sum "\n\t"
/// The same, added to sums.
#define GLM_IMAGE_ADD_TO_ROW(x, sum, next_sum)         \
  "vpbroadcastd " x "(%[x]), %%ymm14\n\t"              \
  "vpmaddubsw %%ymm14, %%ymm12, %%ymm15\n\t"           \
  "vpmaddubsw %%ymm14, %%ymm13, %%ymm14\n\t"           \
  "vpaddw %%ymm15, %%" sum ", %%" sum "\n\t"           \
  "vpaddw %%ymm14, %%" next_sum ", %%" next_sum "\n\t"
/// Adds 16-bit sums to the 32-bit sums in memory.
#define GLM_IMAGE_WIDEN(to, sum)                     \
  "vpmaddwd %%ymm15, %%" sum ", %%" sum "\n\t"       \
  "vpaddd " to "(%[sums]), %%" sum ", %%" sum "\n\t" \
  "vmovdqa %%" sum ", " to "(%[sums])\n\t"
// clang-format on

alignas(32) inline constexpr int16_t kOnes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/// sums += weights · x for 1 to 8 steps, as many as fit 16 bits (see Dots<4>). Moves x and weights
/// behind them.
[[gnu::always_inline]] inline void add_steps_that_fit(__m256i (&sums)[kTileRows][2],
                                                      const int8_t*& x,
                                                      const uint8_t*& weights,
                                                      int64_t steps) {
  static_assert(kTileRows == 6);
  static_assert(kStepBytes == 256);
  // clang-format off
  asm volatile(
      GLM_IMAGE_LOAD_STEP
      GLM_IMAGE_FIRST_OF_ROW("0", "ymm0", "ymm1")
      GLM_IMAGE_FIRST_OF_ROW("4", "ymm2", "ymm3")
      GLM_IMAGE_FIRST_OF_ROW("8", "ymm4", "ymm5")
      GLM_IMAGE_FIRST_OF_ROW("12", "ymm6", "ymm7")
      GLM_IMAGE_FIRST_OF_ROW("16", "ymm8", "ymm9")
      GLM_IMAGE_FIRST_OF_ROW("20", "ymm10", "ymm11")
      "add $24, %[x]\n\t"
      "dec %[steps]\n\t"
      "jz 2f\n\t"
      ".p2align 5\n"
      "1:\n\t"
      GLM_IMAGE_LOAD_STEP
      GLM_IMAGE_ADD_TO_ROW("0", "ymm0", "ymm1")
      GLM_IMAGE_ADD_TO_ROW("4", "ymm2", "ymm3")
      GLM_IMAGE_ADD_TO_ROW("8", "ymm4", "ymm5")
      GLM_IMAGE_ADD_TO_ROW("12", "ymm6", "ymm7")
      GLM_IMAGE_ADD_TO_ROW("16", "ymm8", "ymm9")
      GLM_IMAGE_ADD_TO_ROW("20", "ymm10", "ymm11")
      "add $24, %[x]\n\t"
      "dec %[steps]\n\t"
      "jnz 1b\n"
      "2:\n\t"
      "vmovdqa %[ones], %%ymm15\n\t"
      GLM_IMAGE_WIDEN("0", "ymm0")
      GLM_IMAGE_WIDEN("32", "ymm1")
      GLM_IMAGE_WIDEN("64", "ymm2")
      GLM_IMAGE_WIDEN("96", "ymm3")
      GLM_IMAGE_WIDEN("128", "ymm4")
      GLM_IMAGE_WIDEN("160", "ymm5")
      GLM_IMAGE_WIDEN("192", "ymm6")
      GLM_IMAGE_WIDEN("224", "ymm7")
      GLM_IMAGE_WIDEN("256", "ymm8")
      GLM_IMAGE_WIDEN("288", "ymm9")
      GLM_IMAGE_WIDEN("320", "ymm10")
      GLM_IMAGE_WIDEN("352", "ymm11")
      : [x] "+r"(x), [weights] "+r"(weights), [steps] "+r"(steps)
      : [sums] "r"(sums), [ones] "m"(kOnes)
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
  // clang-format on
}

#undef GLM_IMAGE_LOAD_STEP
#undef GLM_IMAGE_FIRST_OF_ROW
#undef GLM_IMAGE_ADD_TO_ROW
#undef GLM_IMAGE_WIDEN
