// What the forms with 256-bit vectors share. Included inside their namespaces and regions of
// instructions. (No include guard.)

constexpr int64_t kLanes = 8;
constexpr int64_t kTileRows = 6;
constexpr int64_t kUnit = PackedIntegers::kStepDepth;
constexpr bool kPadsRows = false, kReadsNibbles = true;

using Ints = __m256i;
using Floats = __m256;

/// Bytes of a step of a panel.
inline constexpr int64_t kStepBytes = 4 * PackedIntegers::kPanelColumns;
/// Prefetch distance in bytes: far enough ahead to hide the memory's latency. A prefetch beyond the
/// end of the weights has no effect.
inline constexpr int64_t kAhead = 2048;

inline Ints set_ints(int32_t value) {
  return _mm256_set1_epi32(value);
}

inline Floats load_floats(const float* from) {
  return _mm256_loadu_ps(from);
}

inline void store_floats(Floats values, float* to) {
  _mm256_storeu_ps(to, values);
}

inline Floats add_scaled(Floats sum, Ints integers, float x_scale, Floats w_scale) {
  const auto scale = _mm256_mul_ps(_mm256_set1_ps(x_scale), w_scale);
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(integers), scale, sum);
}

template <ScaleType kType>
inline Floats load_scales(const char* from) {
  if constexpr (kType == ScaleType::kFloat32) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(from));
  } else {
    const auto bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    if constexpr (kType == ScaleType::kFloat16) {
      return _mm256_cvtph_ps(bits);
    } else {
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    }
  }
}

/// Of 16 registers at most 12 hold sums. One row reads whole lines of the weights at a time.
constexpr int vectors_at_once(int rows) {
  return rows == 1 ? 8 : rows <= 3 ? 4 : 2;
}

inline __m256i load_weights(const uint8_t* from) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
}

inline __m256i broadcast_four(const int8_t* from) {
  int32_t four = 0;
  std::memcpy(&four, from, sizeof four);
  return _mm256_set1_epi32(four);
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void prefetch_weights(const uint8_t* weights) {
  if (kRows > 2) return;
#pragma GCC unroll 4
  for (int line = 0; line < kVectors / 2; ++line) {
    _mm_prefetch(reinterpret_cast<const char*>(weights) + kAhead + 64 * line, _MM_HINT_T0);
  }
}
