#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/text_format.h"
#include "core/torch.h"
#include "support/test_support.h"
#if GLM_IMAGE_HAVE_HIGHWAY
#include "kernels/highway_targets.h"
#endif

namespace glm_image::test {

/// Runs a test for each instruction set that has a kernel and that this CPU supports.
class FusedKernels : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    at::manual_seed(20240601);
#if GLM_IMAGE_HAVE_HIGHWAY
    kernels::use_highway_target(GetParam());
#endif
  }
  void TearDown() override {
#if GLM_IMAGE_HAVE_HIGHWAY
    kernels::use_highway_target(0);
#endif
  }

 private:
  at::NoGradGuard no_grad_;
};

inline auto all_targets() {
#if GLM_IMAGE_HAVE_HIGHWAY
  return testing::ValuesIn(kernels::highway_targets());
#else
  return testing::Values(int64_t{0});
#endif
}

inline std::string target_name(const testing::TestParamInfo<int64_t>& info) {
#if GLM_IMAGE_HAVE_HIGHWAY
  return kernels::highway_target_name(info.param);
#else
  return concat("plain", info.param);
#endif
}

/// Standard normal float32.
inline Tensor random_tensor(at::IntArrayRef shape) {
  return at::randn(shape, at::TensorOptions().dtype(at::kFloat));
}

/// cos and sin of random angles; both halves are equal.
inline std::pair<Tensor, Tensor> random_angles(std::vector<int64_t> shape) {
  shape.back() /= 2;
  const auto half = random_tensor(shape) * 3;
  const auto angles = at::cat({half, half}, -1);
  return {angles.cos(), angles.sin()};
}

/// Rounding to bfloat16 (8 significant bits) changes a value by at most a factor of 1 ± 2^−8.
inline constexpr double kOneBfloat16Rounding = 1.0 / 256;
/// Sums of a few hundred float32 products in another order.
inline constexpr double kFloat32Rounding = 1e-6;

/// Compares fused(inputs) for float32 and bfloat16 inputs with plain(inputs) in float64.
inline void expect_matches_plain(const std::vector<Tensor>& inputs,
                                 const std::function<Tensor(const std::vector<Tensor>&)>& fused,
                                 const std::function<Tensor(const std::vector<Tensor>&)>& plain) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    std::vector<Tensor> narrow, wide;
    for (const auto& input : inputs) {
      narrow.push_back(input.to(type));
      wide.push_back(narrow.back().to(at::kDouble));
    }
    const auto found = fused(narrow);
    EXPECT_EQ(found.scalar_type(), type);
    EXPECT_LT(relative_error(found, plain(wide)),
              type == at::kFloat ? kFloat32Rounding : kOneBfloat16Rounding);
  }
}

}  // namespace glm_image::test
