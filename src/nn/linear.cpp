#include "core/error.h"
#include "kernels/bfloat16_matmul.h"
#include "kernels/float_matmul.h"
#include "kernels/matrix_vector.h"
#include "kernels/quantised_matmul.h"
#include "nn/cpu_kernels.h"
#include "nn/differentiable.h"
#include "nn/quantised_matrix.h"
#include "nn/rows_together.h"

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

/// A kernel's description of the product, without the number of columns or threads.
template <typename Problem>
Problem problem_of(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& out) {
  Problem problem;
  problem.x = x.data_ptr();
  problem.x_stride = x.stride(0);
  problem.weight = weight.data_ptr();
  problem.weight_stride = weight.stride(0);
  problem.bias = address(bias);
  problem.out = out.data_ptr();
  problem.out_stride = out.stride(0);
  problem.rows = x.size(0);
  problem.depth = x.size(1);
  return problem;
}

void multiply_few_rows(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& out) {
  const auto problem = problem_of<kernels::MatrixVector>(x, weight, bias, out);
  at::parallel_for(0, weight.size(0), rows_per_thread(x.size(1)), [&](int64_t first, int64_t last) {
    kernels::matrix_vector(element_of(x), problem, first, last);
  });
}

void multiply_quantised(const Tensor& x,
                        const QuantisedMatrix& weight,
                        const Tensor& bias,
                        Tensor& out) {
  kernels::QuantisedMatmul problem;
  problem.element = element_of(x);
  problem.x = x.data_ptr();
  problem.x_stride = x.stride(0);
  problem.rows = x.size(0);
  problem.weight = weight.packed();
  problem.bias = address(bias);
  problem.out = out.data_ptr();
  problem.out_stride = out.stride(0);
  problem.threads = at::get_num_threads();
  kernels::QuantisedRows rows(problem);
  // A group is several rows; waking a thread for less costs more than it saves.
  at::parallel_for(
      0, rows.groups(), rows_per_thread(8 * x.size(1)), [&](int64_t first, int64_t last) {
        kernels::quantise_rows(problem, rows, first, last);
      });
  for_each_piece<kernels::QuantisedWorkspace>(
      kernels::QuantisedCut(problem).pieces(), problem, [&](int64_t index, auto& workspace) {
        kernels::quantised_matmul_piece(problem, rows, index, workspace);
      });
}

/// On a device without kernels of ours (on_device). The values exist for this product alone: with a
/// gradient, they are not kept for the backward pass but computed again.
Tensor multiply_dequantised(const Tensor& x, const QuantisedMatrix& weight, const Tensor& bias) {
  report_work();
  if (at::GradMode::is_enabled() && x.requires_grad()) {
    return differentiable::linear(x, weight, bias);
  }
  const auto type = x.scalar_type();
  return at::linear(x, weight.values().to(type), bias.defined() ? bias.to(type) : bias);
}

void multiply_many_rows(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& out) {
  auto problem = problem_of<kernels::MatmulProblem>(x, weight, bias, out);
  problem.columns = weight.size(0);
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

int64_t rows_together(at::Device device) {
  return kHaveKernels && device.is_cpu() ? kernels::kMaxMatrixVectorRows : 1;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  report_work();  // LibTorch's products report nothing
  if constexpr (kHaveKernels) {
    const Tensor& same_type = bias.defined() ? bias : weight;
    const bool dense = weight.dim() == 2 && weight.stride(1) == 1 && x.size(-1) == weight.size(1) &&
                       (!bias.defined() || bias.is_contiguous());
    if (dense && kernels_apply({&x, &weight, &same_type})) {
      const int64_t rows = x.numel() / x.size(-1);
      const bool few = rows <= kernels::kMaxMatrixVectorRows;
      // LibTorch calls oneDNN, which multiplies by tiles (AMX) too.
      if (!few && x.scalar_type() == at::kBFloat16 && kernels::has_bfloat16_tiles()) {
        return at::linear(x, weight, bias);
      }
      auto sizes = x.sizes().vec();
      sizes.back() = weight.size(0);
      auto out = at::empty({rows, weight.size(0)}, x.options());
      (few ? multiply_few_rows : multiply_many_rows)(as_rows(x), weight, bias, out);
      return out.view(sizes);
    }
    if (dense && x.scalar_type() == at::kBFloat16 &&
        gradient_kernels_apply({&x, &weight, &same_type})) {
      return differentiable::linear(x, weight, bias);
    }
  }
  return at::linear(x, weight, bias);
}

Tensor linear(const Tensor& x, const QuantisedMatrix& weight, const Tensor& bias) {
  if (!x.device().is_cpu()) return multiply_dequantised(x, weight, bias);
  if constexpr (kHaveKernels) {
    if (gradient_kernels_apply({&x})) return differentiable::linear(x, weight, bias);
  }
  const auto& form = weight.form();
  GLM_IMAGE_CHECK(x.size(-1) == form.in, x.sizes(), " times a weight with ", form.in, " inputs");
  auto sizes = x.sizes().vec();
  sizes.back() = form.out;
  auto out = at::empty({x.numel() / form.in, form.out}, x.options());
  if (out.numel() > 0) {
    const auto same_type = bias.defined() ? bias.to(x.scalar_type()).contiguous() : bias;
    GLM_IMAGE_CHECK(kernels_apply({&x}), "a quantised weight times ", x.toString());
    if constexpr (kHaveKernels) multiply_quantised(as_rows(x), weight, same_type, out);
  }
  return out.view(sizes);
}

}  // namespace glm_image::nn
