// nn::linear against a product in float64, for sizes that do not fill a block. With up to 4 rows it
// is a matrix-vector product, so both sides of this limit are tested.

#include <vector>

#include "nn/functional.h"
#include "nn/fused_test_support.h"
#include "nn/rows_together.h"

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::relative_error;

class LinearProducts : public test::FusedKernels {};

Tensor in_double(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto product = at::matmul(x.to(at::kDouble), weight.to(at::kDouble).t());
  return bias.defined() ? product + bias.to(at::kDouble) : product;
}

TEST_P(LinearProducts, MatchesFloat64) {
  for (const int64_t rows : {1, 2, 3, 4, 5, 64, 67, 150}) {
    for (const auto& [depth, columns] :
         std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {7, 3}, {16, 5}, {70, 130}, {257, 65}}) {
      for (const auto type : {at::kFloat, at::kBFloat16}) {
        SCOPED_TRACE(concat(rows, "×", depth, "×", columns, " ", type));
        const auto x = random_tensor({rows, depth}).to(type);
        const auto weight = random_tensor({columns, depth}).to(type);
        const auto bias = random_tensor({columns}).to(type);
        const double tolerance =
            type == at::kFloat ? test::kFloat32Rounding : test::kOneBfloat16Rounding;
        const auto with_bias = linear(x, weight, bias);
        EXPECT_EQ(with_bias.scalar_type(), type);
        EXPECT_LT(relative_error(with_bias, in_double(x, weight, bias)), tolerance);
        EXPECT_LT(relative_error(linear(x, weight, Tensor()), in_double(x, weight, Tensor())),
                  tolerance);
      }
    }
  }
}

TEST_P(LinearProducts, DepthInSeveralParts) {
  // The packed product splits the depth into parts of at most 1024 with float32 sums between them.
  for (const int64_t depth : {1024, 1026, 2050, 4096}) {
    SCOPED_TRACE(depth);
    const auto x = random_tensor({70, depth}).to(at::kBFloat16);
    const auto weight = random_tensor({300, depth}).to(at::kBFloat16);
    const auto bias = random_tensor({300}).to(at::kBFloat16);
    EXPECT_LT(relative_error(linear(x, weight, bias), in_double(x, weight, bias)),
              test::kOneBfloat16Rounding);
  }
}

TEST_P(LinearProducts, RowsInSeveralPieces) {
  const auto x = random_tensor({2500, 32}).to(at::kBFloat16);
  const auto weight = random_tensor({600, 32}).to(at::kBFloat16);
  EXPECT_LT(relative_error(linear(x, weight, Tensor()), in_double(x, weight, Tensor())),
            test::kOneBfloat16Rounding);
}

TEST_P(LinearProducts, KeepsTheLeadingDimensions) {
  const auto weight = random_tensor({5, 16});
  EXPECT_EQ(linear(random_tensor({2, 1, 16}), weight, Tensor()).sizes(),
            at::IntArrayRef({2, 1, 5}));
  EXPECT_EQ(linear(random_tensor({16}), weight, Tensor()).sizes(), at::IntArrayRef({5}));
  const auto wide = random_tensor({5, 16}).to(at::kBFloat16);
  EXPECT_EQ(linear(random_tensor({2, 40, 16}).to(at::kBFloat16), wide, Tensor()).sizes(),
            at::IntArrayRef({2, 40, 5}));
}

/// Sequences decoded together get the same values as alone.
TEST_P(LinearProducts, ARowHasTheSameBitsAloneAndTogether) {
  const int64_t rows = rows_together(at::kCPU);
  for (const auto& [depth, columns] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {70, 131}, {257, 65}, {1024, 64}}) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(concat(depth, "×", columns, " ", type));
      const auto x = random_tensor({rows, depth}).to(type);
      const auto weight = random_tensor({columns, depth}).to(type);
      const auto bias = random_tensor({columns}).to(type);
      const auto alone = [&](int64_t row) { return linear(x.narrow(0, row, 1), weight, bias); };
      for (int64_t together = 1; together <= rows; ++together) {
        const auto found = linear(x.narrow(0, 0, together), weight, bias);
        for (int64_t row = 0; row < together; ++row) {
          EXPECT_TRUE(at::equal(found.narrow(0, row, 1), alone(row))) << row << " of " << together;
        }
      }
    }
  }
}

TEST_P(LinearProducts, StridedInputs) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const int64_t rows : {1, 3, 80}) {
      SCOPED_TRACE(concat(rows, " rows ", type));
      // A slice of columns, a transposed matrix, and a slice of a fused weight.
      const auto part = random_tensor({rows, 48}).to(type).narrow(1, 8, 32);
      const auto transposed = random_tensor({32, rows}).to(type).t();
      const auto weight = random_tensor({20, 40}).to(type).narrow(1, 4, 32);
      const double tolerance =
          type == at::kFloat ? test::kFloat32Rounding : test::kOneBfloat16Rounding;
      for (const auto& x : {part, transposed}) {
        EXPECT_LT(relative_error(linear(x, weight, Tensor()), in_double(x, weight, Tensor())),
                  tolerance);
      }
    }
  }
}

TEST_P(LinearProducts, WeightStoredByColumn) {
  const auto x = random_tensor({7, 32}), weight = random_tensor({32, 20}).t();
  EXPECT_LT(relative_error(linear(x, weight, Tensor()), in_double(x, weight, Tensor())),
            test::kFloat32Rounding);
}

INSTANTIATE_TEST_SUITE_P(Targets, LinearProducts, test::all_targets(), test::target_name);

}  // namespace
}  // namespace glm_image::nn
