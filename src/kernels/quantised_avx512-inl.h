// What the forms with 512-bit vectors share. Included inside their namespaces and regions of
// instructions. (No include guard.)

using Ints = __m512i;
using Floats = __m512;

/// Bytes of a step of a panel.
inline constexpr int64_t kStepBytes = 4 * PackedIntegers::kPanelColumns;
/// Prefetch distance in bytes: far enough ahead to hide the memory's latency. A prefetch beyond the
/// end of the weights has no effect.
inline constexpr int64_t kAhead = 2048;

inline Ints set_ints(int32_t value) {
  return _mm512_set1_epi32(value);
}

inline Floats load_floats(const float* from) {
  return _mm512_loadu_ps(from);
}

inline void store_floats(Floats values, float* to) {
  _mm512_storeu_ps(to, values);
}

inline Floats add_scaled(Floats sum, Ints integers, float x_scale, Floats w_scale) {
  const auto scale = _mm512_mul_ps(_mm512_set1_ps(x_scale), w_scale);
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(integers), scale, sum);
}

template <ScaleType kType>
inline Floats load_scales(const char* from) {
  if constexpr (kType == ScaleType::kFloat32) {
    return _mm512_loadu_ps(from);
  } else {
    const auto bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    if constexpr (kType == ScaleType::kFloat16) {
      return _mm512_cvtph_ps(bits);
    } else {
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    }
  }
}

constexpr int vectors_at_once(int) {
  return 4;
}

/// sum += weights · x. Written out, because GCC 12 keeps the sum of its intrinsic in two registers
/// and then runs out of them.
[[gnu::always_inline]] inline void add_dot(Ints& sum, __m512i weights, __m512i x) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(weights), "v"(x));
}

/// sums += weights · x for one step.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void add_step(Ints (&sums)[kRows][kVectors],
                                            const int8_t* x,
                                            const __m512i (&weights)[kVectors]) {
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    int32_t four = 0;
    std::memcpy(&four, x + 4 * r, sizeof four);
    const auto broadcast = _mm512_set1_epi32(four);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) add_dot(sums[r][v], weights[v], broadcast);
  }
}
