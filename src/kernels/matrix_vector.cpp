#include "kernels/matrix_vector.h"

#include <algorithm>

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
/// shifting up gives the even values as float32, clearing the low half the odd ones. These are two
/// cheap operations for two vectors; promoting in order would need a shuffle for each. x is
/// therefore arranged in blocks [lanes() even, lanes() odd], followed by the tail in order.
HWY_INLINE void arrange(const uint16_t* x, int64_t depth, float* out) {
  const int64_t block = 2 * lanes();
  int64_t i = 0;
  for (; i + block <= depth; i += block) {
    for (int64_t lane = 0; lane < lanes(); ++lane) {
      out[i + lane] = widen(x[i + 2 * lane]);
      out[i + lanes() + lane] = widen(x[i + 2 * lane + 1]);
    }
  }
  for (; i < depth; ++i) out[i] = widen(x[i]);
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

/// Whether there are 32 vector registers, not 16.
constexpr bool kManyRegisters = hn::MaxLanes(FloatTag()) >= 16;

/// Number of weight rows read together for `rows` rows of x. With fewer, reading x, whose elements
/// are wider, would limit the speed; more would not fit the registers.
constexpr int columns_at_once(int rows) {
  return rows <= 2 || kManyRegisters ? 4 : 2;
}

/// One sum for each row and column, so that a row has the same bits for any number of rows.
template <int kRows>
struct PartialSums {
  static constexpr int kColumns = columns_at_once(kRows);
  FloatVector of[kColumns][kRows];
};

/// Adds the blocks from `begin` to `end`, and prefetches the weights `ahead` values further on.
template <int kRows, typename T>
HWY_INLINE void add_blocks(const T* const* weights,
                           int64_t ahead,
                           const float* x,
                           int64_t x_stride,
                           int64_t begin,
                           int64_t end,
                           PartialSums<kRows>& sums) {
  using Sums = PartialSums<kRows>;
  Sums local = sums;  // a copy whose address nobody holds stays in registers
  for (int64_t i = begin; i < end; i += 2 * lanes()) {
    for (int c = 0; c < Sums::kColumns; ++c) {
      hwy::Prefetch(weights[c] + i + ahead);
      const TwoVectors w = load_two(weights[c] + i);
      for (int r = 0; r < kRows; ++r) {
        const float* row = x + r * x_stride + i;
        auto& sum = local.of[c][r];
        sum = hn::MulAdd(w.first, load(row), sum);
        sum = hn::MulAdd(w.second, load(row + lanes()), sum);
      }
    }
  }
  sums = local;
}

/// results[c][r] = Σ weights[c]·(row r of x). Rows of x are x_stride apart and arranged; the weight
/// rows that are needed next begin `next` values after these.
template <int kRows, typename T>
HWY_INLINE void dot_products(const T* const* weights,
                             int64_t next,
                             const float* x,
                             int64_t x_stride,
                             int64_t depth,
                             float (&results)[columns_at_once(kRows)][kRows]) {
  using Sums = PartialSums<kRows>;
  Sums sums;
  for (auto& column : sums.of) {
    for (auto& sum : column) sum = hn::Zero(FloatTag());
  }
  // Far enough ahead to hide the memory's latency. A prefetch beyond the matrix has no effect.
  constexpr int64_t kAhead = 1024 / sizeof(T);
  const int64_t whole = depth / (2 * lanes()) * (2 * lanes());
  const int64_t near_end = std::max<int64_t>(whole - kAhead, 0) / (2 * lanes()) * (2 * lanes());
  add_blocks<kRows>(weights, kAhead, x, x_stride, 0, near_end, sums);
  add_blocks<kRows>(weights, next - near_end, x, x_stride, near_end, whole, sums);
  for (int64_t i = whole; i < depth; i += lanes()) {
    const int64_t count = depth - i < lanes() ? depth - i : lanes();
    for (int c = 0; c < Sums::kColumns; ++c) {
      const auto w = load_some(weights[c] + i, count);
      for (int r = 0; r < kRows; ++r) {
        auto& sum = sums.of[c][r];
        sum = hn::MulAdd(w, load_some(x + r * x_stride + i, count), sum);
      }
    }
  }
  for (int c = 0; c < Sums::kColumns; ++c) {
    for (int r = 0; r < kRows; ++r) results[c][r] = sum_of_lanes(sums.of[c][r]);
  }
}

template <int kRows, typename T>
HWY_INLINE void multiply(const MatrixVector& problem, int64_t first, int64_t last) {
  const int64_t depth = problem.depth;
  const Scratch<float> x(kRows * depth);
  for (int64_t r = 0; r < kRows; ++r) {
    arrange(static_cast<const T*>(problem.x) + r * problem.x_stride, depth, x.data() + r * depth);
  }
  constexpr int kColumns = columns_at_once(kRows);
  for (int64_t column = first; column < last; column += kColumns) {
    const T* weights[kColumns];
    for (int64_t c = 0; c < kColumns; ++c) {
      // Reads the last column again in place of columns beyond it, and drops the result.
      const int64_t existing = std::min(column + c, last - 1);
      weights[c] = static_cast<const T*>(problem.weight) + existing * problem.weight_stride;
    }
    float sums[kColumns][kRows];
    dot_products<kRows>(weights, kColumns * problem.weight_stride, x.data(), depth, depth, sums);
    for (int64_t c = 0; c < std::min<int64_t>(kColumns, last - column); ++c) {
      const T* bias = static_cast<const T*>(problem.bias);
      const float added = bias == nullptr ? 0.0F : widen(bias[column + c]);
      for (int64_t r = 0; r < kRows; ++r) {
        static_cast<T*>(problem.out)[r * problem.out_stride + column + c] =
            narrow<T>(sums[c][r] + added);
      }
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
