#if GLM_IMAGE_HAVE_HIGHWAY

#include <cmath>
#include <vector>

#include "kernels/bfloat16_matmul.h"
#include "kernels/float_matmul.h"
#include "kernels/kernel_form.h"
#include "support/test_support.h"

namespace glm_image::kernels {
namespace {

class Matmul : public KernelFormTest {
 protected:
  void compute(const MatmulProblem& problem) const {
    if (GetParam().dot_products) {
      Bfloat16MatmulWorkspace workspace(problem);
      for (int64_t piece = 0; piece < bfloat16_matmul_pieces(problem); ++piece) {
        bfloat16_matmul_piece(problem, piece, workspace);
      }
    } else {
      FloatMatmulWorkspace workspace(problem);
      for (int64_t piece = 0; piece < float_matmul_pieces(problem); ++piece) {
        float_matmul_piece(element(), problem, piece, workspace);
      }
    }
  }

  /// A product whose operands and output are slices of larger storage, against float64.
  void check(int64_t rows, int64_t columns, int64_t depth, int64_t threads) const {
    SCOPED_TRACE(concat(rows, "×", columns, "×", depth, ", threads ", threads));
    const auto x = random({rows, depth + 2}).narrow(1, 0, depth);
    const auto weight = random({columns, depth + 4}).narrow(1, 0, depth);
    const auto bias = random({columns});
    auto storage = at::full({rows + 1, columns + 7}, 77, x.options());
    MatmulProblem problem;
    problem.x = x.data_ptr();
    problem.x_stride = x.stride(0);
    problem.weight = weight.data_ptr();
    problem.weight_stride = weight.stride(0);
    problem.bias = bias.data_ptr();
    problem.out = storage.data_ptr();
    problem.out_stride = storage.stride(0);
    problem.rows = rows;
    problem.columns = columns;
    problem.depth = depth;
    problem.threads = threads;
    compute(problem);
    const auto expected =
        at::matmul(x.to(at::kDouble), weight.to(at::kDouble).t()) + bias.to(at::kDouble);
    const auto out = storage.narrow(0, 0, rows).narrow(1, 0, columns);
    EXPECT_LT(test::relative_error(out, expected), tolerance());
    EXPECT_TRUE((storage.narrow(1, columns, 7) == 77).all().item<bool>());
    EXPECT_TRUE((storage[rows] == 77).all().item<bool>());
  }
};

TEST_P(Matmul, AnySize) {
  for (const int64_t rows : {1, 5, 6, 7, 50}) {
    for (const int64_t columns : {1, 15, 64, 100, 300}) {
      for (const int64_t depth : {2, 10, 32, 66}) check(rows, columns, depth, /*threads=*/2);
    }
  }
}

TEST_P(Matmul, DepthInSeveralParts) {
  for (const int64_t depth : {512, 514, 1024, 1026, 2050, 3000}) {
    check(20, 150, depth, /*threads=*/1);
  }
}

TEST_P(Matmul, EveryCut) {
  for (const int64_t threads : kThreadCounts) {
    check(611, 270, 40, threads);
    check(2200, 30, 8, threads);
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, Matmul, testing::ValuesIn(kernel_forms()), form_name);

TEST(FloatMatmul, OddDepth) {
  const auto x = at::randn({9, 37}), weight = at::randn({21, 37});
  auto out = at::empty({9, 21});
  MatmulProblem problem;
  problem.x = x.data_ptr();
  problem.weight = weight.data_ptr();
  problem.out = out.data_ptr();
  problem.x_stride = problem.weight_stride = problem.depth = 37;
  problem.out_stride = problem.columns = 21;
  problem.rows = 9;
  FloatMatmulWorkspace workspace(problem);
  float_matmul_piece(Element::kFloat32, problem, /*piece=*/0, workspace);
  const auto expected = at::matmul(x.to(at::kDouble), weight.to(at::kDouble).t());
  EXPECT_LT(test::relative_error(out, expected), 1e-6);
}

}  // namespace
}  // namespace glm_image::kernels

#endif
