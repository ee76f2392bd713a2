#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/quantised_kernels.h"

namespace glm_image::kernels::plain {

constexpr int64_t kLanes = 8;
constexpr int64_t kTileRows = 6;
constexpr int64_t kUnit = PackedIntegers::kStepDepth;
constexpr bool kPadsRows = false, kReadsNibbles = true;
constexpr int64_t kStepBytes = 4 * PackedIntegers::kPanelColumns;

struct Ints {
  int32_t of[kLanes];
};
struct Floats {
  float of[kLanes];
};

inline Ints set_ints(int32_t value) {
  Ints result;
  for (auto& lane : result.of) lane = value;
  return result;
}

inline Floats load_floats(const float* from) {
  Floats result;
  std::memcpy(result.of, from, sizeof result.of);
  return result;
}

inline void store_floats(const Floats& values, float* to) {
  std::memcpy(to, values.of, sizeof values.of);
}

/// Rounded once, as the other forms round.
inline Floats add_scaled(Floats sum, const Ints& integers, float x_scale, const Floats& w_scale) {
  for (int64_t i = 0; i < kLanes; ++i) {
    const float scale = x_scale * w_scale.of[i];
    sum.of[i] = std::fma(static_cast<float>(integers.of[i]), scale, sum.of[i]);
  }
  return sum;
}

inline float float_of_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  const uint32_t exponent = (half >> 10) & 31U, mantissa = half & 1023U;
  if (exponent == 0) {
    const float value = std::ldexp(static_cast<float>(mantissa), -24);
    return sign == 0 ? value : -value;
  }
  const uint32_t bits = sign | ((exponent == 31 ? 255U : exponent + 112U) << 23) | (mantissa << 13);
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <ScaleType kType>
inline Floats load_scales(const char* from) {
  Floats result;
  for (int64_t i = 0; i < kLanes; ++i) {
    if constexpr (kType == ScaleType::kFloat32) {
      std::memcpy(result.of + i, from + 4 * i, sizeof(float));
    } else {
      uint16_t bits = 0;
      std::memcpy(&bits, from + 2 * i, sizeof bits);
      if constexpr (kType == ScaleType::kFloat16) {
        result.of[i] = float_of_half(bits);
      } else {
        const uint32_t wide = static_cast<uint32_t>(bits) << 16;
        std::memcpy(result.of + i, &wide, sizeof wide);
      }
    }
  }
  return result;
}

constexpr int vectors_at_once(int) {
  return 1;
}

inline void add_step(Ints& sums, const int8_t* x, const uint8_t* weights, int shift, int mask) {
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    for (int64_t k = 0; k < 4; ++k) {
      sums.of[lane] += ((weights[4 * lane + k] >> shift) & mask) * x[k];
    }
  }
}

constexpr bool kWidensNibbles = false;

template <int kBits, int kWidth = kBits>
struct Dots {
  using Value = int8_t;
  static constexpr int32_t kOffset = 1 << (kBits - 1);
  static void arrange(const int8_t* step, int8_t* to) { std::memcpy(to, step, 4); }

  template <int kRows, int kVectors>
  static void add(Ints (&sums)[kRows][kVectors],
                  const int8_t* x,
                  const uint8_t* weights,
                  int64_t steps) {
    constexpr int kStepsInByte = 8 / kBits, kMask = (1 << kBits) - 1;
    for (int64_t step = 0; step < steps; ++step) {
      const uint8_t* values = weights + step / kStepsInByte * kStepBytes;
      const int shift = static_cast<int>(step % kStepsInByte) * kBits;
      for (int r = 0; r < kRows; ++r) {
        for (int v = 0; v < kVectors; ++v) {
          add_step(sums[r][v], x + (step * kRows + r) * 4, values + v * kLanes * 4, shift, kMask);
        }
      }
    }
  }
};

#include "kernels/quantised_tile-inl.h"

}  // namespace glm_image::kernels::plain

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_plain() {
  return &plain::kKernels;
}

}  // namespace glm_image::kernels
