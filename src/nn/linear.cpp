#include "kernels/bfloat16_matmul.h"
#include "kernels/float_matmul.h"
#include "kernels/matrix_vector.h"
#include "nn/cpu_kernels.h"
#include "nn/differentiable.h"

namespace glm_image::nn {
namespace {

/// x as [rows, C_in] with dense rows.
Tensor as_rows(const Tensor& x) {
  const auto rows = x.reshape({-1, x.size(-1)});
  return rows.stride(1) == 1 ? rows : rows.contiguous();
}

void* address(const Tensor& bias) {
  return bias.defined() ? bias.data_ptr() : nullptr;
}

void multiply_few_rows(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& out) {
  kernels::MatrixVector problem;
  problem.x = x.data_ptr();
  problem.x_stride = x.stride(0);
  problem.weight = weight.data_ptr();
  problem.weight_stride = weight.stride(0);
  problem.bias = address(bias);
  problem.out = out.data_ptr();
  problem.out_stride = out.stride(0);
  problem.rows = x.size(0);
  problem.depth = x.size(1);
  at::parallel_for(0, weight.size(0), rows_per_thread(x.size(1)), [&](int64_t first, int64_t last) {
    kernels::matrix_vector(element_of(x), problem, first, last);
  });
}

void multiply_many_rows(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& out) {
  kernels::MatmulProblem problem;
  problem.x = x.data_ptr();
  problem.x_stride = x.stride(0);
  problem.weight = weight.data_ptr();
  problem.weight_stride = weight.stride(0);
  problem.bias = address(bias);
  problem.out = out.data_ptr();
  problem.out_stride = out.stride(0);
  problem.rows = x.size(0);
  problem.columns = weight.size(0);
  problem.depth = x.size(1);
  problem.threads = at::get_num_threads();
  if (x.scalar_type() == at::kBFloat16 && problem.depth % 2 == 0 &&
      kernels::has_bfloat16_dot_product()) {
    for_each_piece<kernels::Bfloat16MatmulWorkspace>(
        kernels::bfloat16_matmul_pieces(problem), problem, [&](int64_t index, auto& workspace) {
          kernels::bfloat16_matmul_piece(problem, index, workspace);
        });
  } else {
    for_each_piece<kernels::FloatMatmulWorkspace>(
        kernels::float_matmul_pieces(problem), problem, [&](int64_t index, auto& workspace) {
          kernels::float_matmul_piece(element_of(x), problem, index, workspace);
        });
  }
}

}  // namespace

// A quantised weight would enter here: a further form of `weight` with a product of its own for few
// rows (the bytes read are what costs) and dequantised piece by piece, while it is packed, for
// many.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if constexpr (kHaveKernels) {
    const Tensor& same_type = bias.defined() ? bias : weight;
    const bool dense = weight.dim() == 2 && weight.stride(1) == 1 && x.size(-1) == weight.size(1) &&
                       (!bias.defined() || bias.is_contiguous());
    if (dense && kernels_apply({&x, &weight, &same_type})) {
      const int64_t rows = x.numel() / x.size(-1);
      const bool few = rows <= kernels::kMaxMatrixVectorRows;
      if (!few && x.scalar_type() == at::kBFloat16 && kernels::has_bfloat16_tiles()) {
        return at::linear(x, weight, bias);
      }
      auto sizes = x.sizes().vec();
      sizes.back() = weight.size(0);
      auto out = at::empty({rows, weight.size(0)}, x.options());
      (few ? multiply_few_rows : multiply_many_rows)(as_rows(x), weight, bias, out);
      return out.view(sizes);
    }
    if (dense && x.scalar_type() == at::kBFloat16 && kernels::has_bfloat16_dot_product() &&
        gradient_kernels_apply({&x, &weight, &same_type})) {
      return differentiable::linear(x, weight, bias);
    }
  }
  return at::linear(x, weight, bias);
}

}  // namespace glm_image::nn
