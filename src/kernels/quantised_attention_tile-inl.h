// A tile of rows against a block of keys for quantised_attention.cpp: scores, weights, weighted
// values. Included inside its namespace and region of instructions. (No include guard.)

/// 128·255 times the coefficients of 2^−g ≈ c0 − g·(c1 − c2·g) with the least relative error for
/// 0 ≤ g < 1.
constexpr int16_t kC0 = 32584, kC1 = 21738, kC2 = 5503;

/// A tile of rows: its queries as integers, and its online-softmax state, carried between blocks of
/// keys. Arrays are as long as a vector.
struct TileState {
  alignas(64) float factors[kLanes];  // converts a score to base 2
  alignas(64) float maxima[kLanes];   // of the scores so far, in these units
  __m512 weight_sums[kTileRows];      // by lane; their lanes are added at the end
  int32_t starts[kTileRows];          // of the integer sums of the scores
};

/// A tile of rows against a block of keys.
struct TileBlock {
  alignas(64) float scores[kTileRows][kKeyBlock];
  alignas(64) uint8_t weights[kTileRows][kKeyBlock];
  alignas(64) float maxima[kLanes];       // of the scores of the block
  alignas(64) float corrections[kLanes];  // of the sums before this block
  alignas(64) float scales[kLanes];       // of the weights of this block
};

/// sum += weights · x. Written out, because GCC 12 keeps the sum of its intrinsic in two registers
/// and then runs out of them.
[[gnu::always_inline]] inline void add_dot(__m512i& sum, __m512i unsigned_bytes, __m512i bytes) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(unsigned_bytes), "v"(bytes));
}

[[gnu::always_inline]] inline __m512i broadcast(const void* four_bytes) {
  int32_t word;
  std::memcpy(&word, four_bytes, sizeof word);
  return _mm512_set1_epi32(word);
}

/// 2^x within 3e-6 relative, and exactly 1 for 0: then a maximum that stays changes no sums.
inline __m512 exp2_of(__m512 x) {
  const auto whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const auto f = _mm512_sub_ps(x, whole);  // in [−½, ½]
  // Taylor's polynomial.
  auto p = _mm512_set1_ps(1.3333558e-3F);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.6181291e-3F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5504109e-2F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.4022651e-1F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9314718e-1F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
  return _mm512_scalef_ps(p, whole);
}

/// Scores of a tile of rows against a panel of keys. A function of its own: inlined into a loop,
/// the sums do not stay in registers.
[[gnu::noinline]] void score_panel(const int8_t* queries,
                                   const int32_t (&starts)[kTileRows],
                                   int64_t steps,
                                   const uint8_t* keys,
                                   const float* key_scales,
                                   float* scores,
                                   __m512* largest) {
  __m512i sums[kTileRows][kVectors];
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm512_set1_epi32(starts[r]);
  }
  for (; steps > 0; --steps, queries += kTileRows * kStep, keys += kPanel * kStep) {
    __m512i k[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) k[v] = _mm512_load_si512(keys + 64 * v);
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
      const auto four = broadcast(queries + r * kStep);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) add_dot(sums[r][v], k[v], four);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const auto scale = _mm512_load_ps(key_scales + v * kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
      const auto score = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][v]), scale);
      _mm512_store_ps(scores + r * kKeyBlock + v * kLanes, score);
      largest[r] = _mm512_max_ps(largest[r], score);
    }
  }
}

void compute_scores(const int8_t* queries,
                    const TileState& state,
                    int64_t steps,
                    const uint8_t* keys,
                    const float* key_scales,
                    int64_t panels,
                    TileBlock& block) {
  __m512 largest[kTileRows];
  for (auto& one : largest) one = _mm512_set1_ps(kMinusInfinity);
  for (int64_t panel = 0; panel < panels; ++panel) {
    score_panel(queries,
                state.starts,
                steps,
                keys + panel * steps * kPanel * kStep,
                key_scales + panel * kPanel,
                &block.scores[0][panel * kPanel],
                largest);
  }
  for (int r = 0; r < kTileRows; ++r) block.maxima[r] = _mm512_reduce_max_ps(largest[r]);
}

/// Adds the mask of the keys, and −∞ where a row sees fewer keys than the block has.
void mask_scores(const float* bias,
                 const int64_t (&visible)[kTileRows],
                 int64_t first_key,
                 int64_t keys,
                 TileBlock& block) {
  const auto lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (int64_t r = 0; r < kTileRows; ++r) {
    const auto limit = _mm512_set1_epi32(static_cast<int>(visible[r] - first_key));
    auto largest = _mm512_set1_ps(kMinusInfinity);
    for (int64_t i = 0; i < keys; i += kLanes) {
      const auto index = _mm512_add_epi32(lane, _mm512_set1_epi32(static_cast<int>(i)));
      const auto seen = _mm512_cmplt_epi32_mask(index, limit);
      float* scores = &block.scores[r][i];
      const auto biased = _mm512_add_ps(_mm512_load_ps(scores), _mm512_load_ps(bias + i));
      const auto masked = _mm512_mask_mov_ps(_mm512_set1_ps(kMinusInfinity), seen, biased);
      _mm512_store_ps(scores, masked);
      largest = _mm512_max_ps(largest, masked);
    }
    block.maxima[r] = _mm512_reduce_max_ps(largest);
  }
}

/// Two vectors of 2048·x, x ≤ 0, as weights 255·2^x in 16-bit integers, in the order of
/// _mm512_packs_epi32. Values below −16 are treated as −16, whose weight is 0.
///
/// With x = −(n + g), n whole and 0 ≤ g < 1, a polynomial in fixed point gives 2^−g. It is within
/// 2e-3 relative, half a step of the largest weight. The result is shifted by n and rounded.
[[gnu::always_inline]] inline __m512i weights_of(__m512 x0, __m512 x1) {
  constexpr int kFractionBits = 11;
  const auto fixed =
      _mm512_abs_epi16(_mm512_packs_epi32(_mm512_cvtps_epi32(x0), _mm512_cvtps_epi32(x1)));
  const auto g = _mm512_slli_epi16(fixed, 16 - kFractionBits);  // 16 bits of fraction
  auto p = _mm512_sub_epi16(_mm512_set1_epi16(kC1), _mm512_mulhi_epu16(g, _mm512_set1_epi16(kC2)));
  p = _mm512_sub_epi16(_mm512_set1_epi16(kC0), _mm512_mulhi_epu16(g, p));
  const auto shifted = _mm512_srlv_epi16(p, _mm512_srli_epi16(fixed, kFractionBits));
  return _mm512_mulhrs_epi16(shifted, _mm512_set1_epi16(1 << (15 - 7)));  // /128, rounded
}

/// Turns scores into weights of 0 … 255 relative to the row's maximum in this block, and updates
/// the state.
void compute_weights(int64_t panels, TileBlock& block, TileState& state) {
  const auto factors = _mm512_load_ps(state.factors), before = _mm512_load_ps(state.maxima);
  const auto of_block = _mm512_mul_ps(_mm512_load_ps(block.maxima), factors);
  const auto after = _mm512_max_ps(before, of_block);
  const auto none = _mm512_set1_ps(kMinusInfinity);
  // A row that has seen no key yet has weight 0. It has no maximum; any finite reference serves.
  const auto from_here = _mm512_cmp_ps_mask(of_block, none, _CMP_NEQ_OQ);
  const auto from_before = _mm512_cmp_ps_mask(before, none, _CMP_NEQ_OQ);
  const auto corrections =
      _mm512_maskz_mov_ps(from_before, exp2_of(_mm512_maskz_sub_ps(from_before, before, after)));
  const auto scales = _mm512_maskz_mul_ps(from_here,
                                          exp2_of(_mm512_maskz_sub_ps(from_here, of_block, after)),
                                          _mm512_set1_ps(1.0F / kLargestWeight));
  alignas(64) float references[kLanes], fixed_factors[kLanes];
  const auto to_fixed = _mm512_set1_ps(2048);
  _mm512_store_ps(references, _mm512_maskz_mul_ps(from_here, of_block, to_fixed));
  _mm512_store_ps(fixed_factors, _mm512_mul_ps(factors, to_fixed));
  _mm512_store_ps(state.maxima, after);
  _mm512_store_ps(block.corrections, corrections);
  _mm512_store_ps(block.scales, scales);

  const auto ones = _mm512_set1_epi8(1);
  for (int64_t r = 0; r < kTileRows; ++r) {
    const float* scores = block.scores[r];
    const auto factor = _mm512_set1_ps(fixed_factors[r]);
    const auto reference = _mm512_set1_ps(references[r]);
    auto sum = _mm512_setzero_si512();
    for (int64_t panel = 0; panel < panels; ++panel) {
      const auto x = [&](int64_t v) {
        return _mm512_fmsub_ps(
            _mm512_load_ps(scores + panel * kPanel + v * kLanes), factor, reference);
      };
      // The 32-bit word 4·i + j holds the weights 4·i … 4·i + 3 of vector j (first_key_of_step).
      const auto bytes = _mm512_packus_epi16(weights_of(x(0), x(1)), weights_of(x(2), x(3)));
      _mm512_store_si512(&block.weights[r][panel * kPanel], bytes);
      add_dot(sum, bytes, ones);
    }
    state.weight_sums[r] =
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum),
                        _mm512_set1_ps(block.scales[r]),
                        _mm512_mul_ps(state.weight_sums[r], _mm512_set1_ps(block.corrections[r])));
  }
}

/// sums = sums·corrections + weights·values for a panel of channels; sums is [kTileRows][kPanel].
[[gnu::noinline]] void add_value_panel(const TileBlock& block,
                                       const int8_t* values,
                                       const float* value_scales,
                                       int64_t steps,
                                       float* sums) {
  __m512i products[kTileRows][kVectors];
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) products[r][v] = _mm512_setzero_si512();
  }
  const uint8_t* weights = &block.weights[0][0];
  for (; steps > 0; --steps, weights += kStep, values += kPanel * kStep) {
    __m512i x[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) x[v] = _mm512_load_si512(values + 64 * v);
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
      const auto four = broadcast(weights + r * kKeyBlock);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) add_dot(products[r][v], four, x[v]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
    const auto correction = _mm512_set1_ps(block.corrections[r]);
    const auto scale = _mm512_set1_ps(block.scales[r]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* sum = sums + (r * kVectors + v) * kLanes;
      const auto scales = _mm512_mul_ps(_mm512_load_ps(value_scales + v * kLanes), scale);
      const auto former = _mm512_mul_ps(_mm512_load_ps(sum), correction);
      _mm512_store_ps(sum, _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[r][v]), scales, former));
    }
  }
}
