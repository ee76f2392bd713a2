#include "kernels/matrix_vector.h"

#include "kernels/highway_settings.h"
#include "kernels/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix_vector.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "hwy/cache_control.h"
#include "kernels/float_vectors-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

/// The values of a row of x as float32, arranged as load_two reads a row of the weight.
///
/// A vector of bfloat16 is read as 32-bit lanes with two values each, the even one in the low half:
/// shifting up gives the even values as float32, clearing the low half the odd ones. That is two
/// cheap operations for two vectors, where promoting in order would need a shuffle for each; so x
/// is arranged [lanes() even, lanes() odd] block by block, and the tail follows in order.
HWY_INLINE void arrange(const uint16_t* x, int64_t depth, float* out) {
  const int64_t block = 2 * lanes();
  int64_t i = 0;
  for (; i + block <= depth; i += block) {
    for (int64_t lane = 0; lane < lanes(); ++lane) {
      for (int64_t odd = 0; odd < 2; ++odd) {
        const uint32_t bits = static_cast<uint32_t>(x[i + 2 * lane + odd]) << 16;
        std::memcpy(out + i + odd * lanes() + lane, &bits, sizeof(bits));
      }
    }
  }
  for (; i < depth; ++i) {
    const uint32_t bits = static_cast<uint32_t>(x[i]) << 16;
    std::memcpy(out + i, &bits, sizeof(bits));
  }
}

HWY_INLINE void arrange(const float* x, int64_t depth, float* out) {
  std::memcpy(out, x, static_cast<size_t>(depth) * sizeof(float));
}

struct TwoVectors {
  FloatVector first, second;
};

HWY_INLINE TwoVectors load_two(const uint16_t* weights) {
  const BitsTag d;
  const auto pairs = hn::LoadU(d, reinterpret_cast<const uint32_t*>(weights));
  return {hn::BitCast(FloatTag(), hn::ShiftLeft<16>(pairs)),
          hn::BitCast(FloatTag(), hn::And(pairs, hn::Set(d, 0xFFFF0000U)))};
}

HWY_INLINE TwoVectors load_two(const float* weights) {
  return {load(weights), load(weights + lanes())};
}

/// Σ weights·x for kRows rows of x, which are x_stride apart and arranged.
template <int kRows, typename T>
HWY_INLINE void dot_products(
    const T* weights, const float* x, int64_t x_stride, int64_t depth, float* sums) {
  const FloatTag d;
  // One row of x needs several sums to hide the latency; four rows bring four.
  constexpr int kSums = kRows == 1 ? 4 : kRows == 2 ? 2 : 1;
  FloatVector first[kRows][kSums], second[kRows][kSums];
  for (int r = 0; r < kRows; ++r) {
    for (int s = 0; s < kSums; ++s) first[r][s] = second[r][s] = hn::Zero(d);
  }
  const int64_t block = 2 * lanes();
  // Far enough ahead to cover the latency of the memory where a page ends and the hardware's
  // prefetching stops; beyond the end of the matrix a prefetch does nothing.
  constexpr int64_t kAhead = 2048 / sizeof(T);
  int64_t i = 0;
  for (; i + kSums * block <= depth; i += kSums * block) {
    for (int s = 0; s < kSums; ++s) {
      const int64_t at = i + s * block;
      hwy::Prefetch(weights + at + kAhead);
      const TwoVectors w = load_two(weights + at);
      for (int r = 0; r < kRows; ++r) {
        const float* row = x + r * x_stride + at;
        first[r][s] = hn::MulAdd(w.first, load(row), first[r][s]);
        second[r][s] = hn::MulAdd(w.second, load(row + lanes()), second[r][s]);
      }
    }
  }
  for (; i + block <= depth; i += block) {
    const TwoVectors w = load_two(weights + i);
    for (int r = 0; r < kRows; ++r) {
      const float* row = x + r * x_stride + i;
      first[r][0] = hn::MulAdd(w.first, load(row), first[r][0]);
      second[r][0] = hn::MulAdd(w.second, load(row + lanes()), second[r][0]);
    }
  }
  for (; i < depth; i += lanes()) {
    const int64_t count = depth - i < lanes() ? depth - i : lanes();
    const auto w = load_some(weights + i, count);
    for (int r = 0; r < kRows; ++r) {
      first[r][0] = hn::MulAdd(w, load_some(x + r * x_stride + i, count), first[r][0]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    auto sum = hn::Add(first[r][0], second[r][0]);
    for (int s = 1; s < kSums; ++s) sum = hn::Add(sum, hn::Add(first[r][s], second[r][s]));
    sums[r] = sum_of_lanes(sum);
  }
}

template <typename T>
HWY_INLINE float to_float(T value) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return value;
  } else {
    const uint32_t bits = static_cast<uint32_t>(value) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof(result));
    return result;
  }
}

template <int kRows, typename T>
HWY_INLINE void multiply(const MatrixVector& problem, int64_t first, int64_t last) {
  const int64_t depth = problem.depth;
  const Scratch<float> x(kRows * depth);
  for (int64_t r = 0; r < kRows; ++r) {
    arrange(static_cast<const T*>(problem.x) + r * problem.x_stride, depth, x.data() + r * depth);
  }
  for (int64_t column = first; column < last; ++column) {
    float sums[kRows];
    dot_products<kRows>(static_cast<const T*>(problem.weight) + column * problem.weight_stride,
                        x.data(),
                        depth,
                        depth,
                        sums);
    const float bias =
        problem.bias == nullptr ? 0.0F : to_float(static_cast<const T*>(problem.bias)[column]);
    for (int64_t r = 0; r < kRows; ++r) {
      store_some(hn::Set(FloatTag(), sums[r] + bias),
                 static_cast<T*>(problem.out) + r * problem.out_stride + column,
                 /*count=*/1);
    }
  }
}

void matrix_vector_kernel(Element element,
                          const MatrixVector& problem,
                          int64_t first,
                          int64_t last) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    switch (problem.rows) {
      case 1:
        return multiply<1, T>(problem, first, last);
      case 2:
        return multiply<2, T>(problem, first, last);
      case 3:
        return multiply<3, T>(problem, first, last);
      default:
        return multiply<4, T>(problem, first, last);
    }
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(matrix_vector_kernel);

void matrix_vector(Element element, const MatrixVector& problem, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(matrix_vector_kernel)(element, problem, first, last);
}

}  // namespace glm_image::kernels
#endif
