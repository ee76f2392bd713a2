// Quantises and packs the queries, keys and values of quantised_attention.cpp. Included inside its
// namespace and region of instructions. (No include guard.)

/// The first `count` of kLanes bfloat16 values, zeros behind them.
inline __m512 load_bfloat16(const uint16_t* from, int64_t count) {
  const auto mask = static_cast<__mmask16>(count >= kLanes ? 0xffffU : (1U << count) - 1U);
  const auto bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}

/// Rows prefetched ahead. Rows of one head are often in different pages, where the hardware
/// prefetcher stops.
constexpr int64_t kRowsAhead = 12;

/// Prefetches a row. A prefetch beyond the last row has no effect.
inline void prefetch_row(const uint16_t* row, int64_t dim) {
  constexpr int64_t kLineValues = 32;
  for (int64_t c = 0; c < dim; c += kLineValues) _mm_prefetch(row + c, _MM_HINT_T0);
}

/// Writes the approximate mean of the rows that are seen, [dim], padded with zeros to a multiple of
/// kLanes. It is the mean of 500 to 1000 rows if there are more: any vector near the mean serves,
/// and reading all rows takes time.
inline void mean_of_rows(const uint16_t* rows,
                         int64_t stride,
                         int64_t count,
                         int64_t dim,
                         const bool* seen,
                         float* mean) {
  constexpr int64_t kEnoughRows = 500;
  const int64_t step = std::max<int64_t>(count / kEnoughRows, 1);
  std::fill_n(mean, round_up(dim, kLanes), 0.0F);
  int64_t seen_rows = 0;
  for (int64_t i = 0; i < count; i += step) {
    prefetch_row(rows + (i + kRowsAhead * step) * stride, dim);
    if (seen != nullptr && !seen[i]) continue;
    ++seen_rows;
    for (int64_t c = 0; c < dim; c += kLanes) {
      const auto row = load_bfloat16(rows + i * stride + c, dim - c);
      _mm512_store_ps(mean + c, _mm512_add_ps(_mm512_load_ps(mean + c), row));
    }
  }
  const auto share = _mm512_set1_ps(1.0F / static_cast<float>(std::max<int64_t>(seen_rows, 1)));
  for (int64_t c = 0; c < dim; c += kLanes) {
    _mm512_store_ps(mean + c, _mm512_mul_ps(_mm512_load_ps(mean + c), share));
  }
}

/// The scale of a quantised row and the sum of its integers.
struct RowScale {
  float scale;
  int32_t sum;
};

/// Quantises row − mean to −127 … 127, zeros up to a multiple of kLanes. `mean` may be null.
inline RowScale quantise_row(const uint16_t* row, int64_t dim, const float* mean, int8_t* to) {
  const auto centred = [&](int64_t c) {
    const auto x = load_bfloat16(row + c, dim - c);
    return mean == nullptr ? x : _mm512_sub_ps(x, _mm512_load_ps(mean + c));
  };
  auto largest = _mm512_setzero_ps();
  for (int64_t c = 0; c < dim; c += kLanes) {
    largest = _mm512_max_ps(largest, _mm512_abs_ps(centred(c)));
  }
  // The scale of zeros may be any positive number.
  const float most = std::max(_mm512_reduce_max_ps(largest), 1e-30F);
  const auto inverse = _mm512_set1_ps(kLargest / most);
  auto sum = _mm512_setzero_si512();
  for (int64_t c = 0; c < dim; c += kLanes) {
    const auto integers = _mm512_cvtps_epi32(_mm512_mul_ps(centred(c), inverse));
    sum = _mm512_add_epi32(sum, integers);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + c), _mm512_cvtsepi32_epi8(integers));
  }
  return {most / kLargest, _mm512_reduce_add_epi32(sum)};
}

/// Packs rows as [steps of 4 values][count rows][4 values].
inline void interleave_row(
    const int8_t* row, int64_t steps, int64_t count, uint32_t flip, void* to) {
  auto* words = static_cast<char*>(to);
  for (int64_t step = 0; step < steps; ++step) {
    uint32_t word = 0;
    std::memcpy(&word, row + kStep * step, sizeof word);
    word ^= flip;
    std::memcpy(words + kStep * step * count, &word, sizeof word);
  }
}

/// Packs all keys of a head in panels, [steps][kPanel keys][4 bytes]; their bias tells which are
/// seen.
inline void pack_keys(const AttentionProblem& problem,
                      const AttentionPiece& piece,
                      const bool* mask,
                      QuantisedAttentionWorkspace& workspace) {
  const int64_t dim = problem.dim, steps = steps_of(dim), stride = problem.k_strides.token;
  const uint16_t* k = static_cast<const uint16_t*>(problem.k) +
                      piece.batch * problem.k_strides.batch +
                      piece.key_head * problem.k_strides.head;
  float* mean = workspace.means.data();
  mean_of_rows(k, stride, problem.keys, dim, mask, mean);
  for (int64_t key = 0; key < round_up(problem.keys, kPanel); ++key) {
    const bool seen = key < problem.keys && (mask == nullptr || mask[key]);
    workspace.bias.data()[key] = seen ? 0.0F : kMinusInfinity;
    const int64_t panel = key / kPanel;
    prefetch_row(k + (key + kRowsAhead) * stride, dim);
    // Keys that are not seen get the score 0.
    const auto scale =
        quantise_row(k + std::min(key, problem.keys - 1) * stride, dim, mean, workspace.row.data());
    workspace.key_scales.data()[key] = seen ? scale.scale : 0;
    interleave_row(workspace.row.data(),
                   steps,
                   kPanel,
                   kKeyFlip,
                   workspace.keys.data() + (panel * steps * kPanel + key % kPanel) * kStep);
  }
}

/// The key with which step `step` of a panel of keys begins: that order in which three packs of
/// four vectors of weights leave them (pack_weights).
constexpr int64_t first_key_of_step(int64_t step) {
  return step % 4 * kLanes + step / 4 * kStep;
}

/// Writes value − mean of a block of keys, [keys up to a multiple of kPanel][padded dim], zeros for
/// keys that are not seen, and the scale of each channel.
inline void centre_values(const uint16_t* v,
                          int64_t stride,
                          int64_t keys,
                          int64_t dim,
                          const float* mean,
                          const float* bias,
                          float* centred,
                          float* scales) {
  const int64_t padded_dim = round_up(dim, kPanel);
  std::fill_n(scales, padded_dim, 1e-30F);
  for (int64_t key = 0; key < round_up(keys, kPanel); ++key) {
    float* to = centred + key * padded_dim;
    std::fill_n(to, padded_dim, 0.0F);
    if (key >= keys || bias[key] != 0.0F) continue;
    prefetch_row(v + (key + kRowsAhead) * stride, dim);
    for (int64_t c = 0; c < dim; c += kLanes) {
      const auto value = load_bfloat16(v + key * stride + c, dim - c);
      const auto difference = _mm512_sub_ps(value, _mm512_load_ps(mean + c));
      _mm512_store_ps(to + c, difference);
      const auto largest = _mm512_max_ps(_mm512_load_ps(scales + c), _mm512_abs_ps(difference));
      _mm512_store_ps(scales + c, largest);
    }
  }
  for (int64_t c = 0; c < padded_dim; c += kLanes) {
    const auto largest = _mm512_load_ps(scales + c);
    _mm512_store_ps(scales + c, _mm512_mul_ps(largest, _mm512_set1_ps(1.0F / kLargest)));
  }
}

/// Packs a block of values in panels of channels, [steps of 4 keys][kPanel channels][4 bytes].
inline void pack_block(
    const float* centred, const float* scales, int64_t keys, int64_t padded_dim, int8_t* values) {
  const auto low = _mm512_set1_epi32(255);
  for (int64_t step = 0; step < round_up(keys, kPanel) / kStep; ++step) {
    constexpr int64_t kPanelSteps = kPanel / kStep;
    const int64_t key = step / kPanelSteps * kPanel + first_key_of_step(step % kPanelSteps);
    for (int64_t c = 0; c < padded_dim; c += kLanes) {
      const auto inverse = _mm512_div_ps(_mm512_set1_ps(1), _mm512_load_ps(scales + c));
      const auto byte = [&](int64_t i) {
        const auto x = _mm512_load_ps(centred + (key + i) * padded_dim + c);
        return _mm512_and_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(x, inverse)), low);
      };
      const auto pair01 = _mm512_or_epi32(byte(0), _mm512_slli_epi32(byte(1), 8));
      const auto pair23 = _mm512_or_epi32(byte(2), _mm512_slli_epi32(byte(3), 8));
      _mm512_store_si512(
          values + (c / kPanel * kKeyBlock + step * kStep) * kPanel + c % kPanel * kStep,
          _mm512_or_epi32(pair01, _mm512_slli_epi32(pair23, 16)));
    }
  }
}

inline void pack_values(const AttentionProblem& problem,
                        const AttentionPiece& piece,
                        const bool* mask,
                        QuantisedAttentionWorkspace& workspace) {
  const int64_t dim = problem.dim, padded_dim = round_up(dim, kPanel);
  const int64_t stride = problem.v_strides.token;
  const uint16_t* v = static_cast<const uint16_t*>(problem.v) +
                      piece.batch * problem.v_strides.batch +
                      piece.key_head * problem.v_strides.head;
  float* mean = workspace.means.data() + padded_dim;
  mean_of_rows(v, stride, problem.keys, dim, mask, mean);
  for (int64_t key = 0; key < problem.keys; key += kKeyBlock) {
    const int64_t keys = std::min(kKeyBlock, problem.keys - key);
    float* scales = workspace.value_scales.data() + key / kKeyBlock * padded_dim;
    centre_values(v + key * stride,
                  stride,
                  keys,
                  dim,
                  mean,
                  workspace.bias.data() + key,
                  workspace.centred.data(),
                  scales);
    pack_block(workspace.centred.data(),
               scales,
               keys,
               padded_dim,
               workspace.values.data() + key * padded_dim);
  }
}
