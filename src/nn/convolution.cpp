#include "nn/convolution.h"

#include "kernels/bfloat16_dot_product.h"
#include "nn/convolution_trial.h"
#include "nn/cpu_kernels.h"
#include "nn/fused_convolution.h"
#include "nn/gradient_function.h"
#include "nn/group_norm.h"

namespace glm_image::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The type to compute in, given whether the trial found the tensors' type to be wrong.
at::ScalarType type_for(const Tensor& x, bool is_right) {
  return is_right ? x.scalar_type() : at::kFloat;
}

Tensor forward_in(at::ScalarType type,
                  const Tensor& x,
                  const Tensor& weight,
                  const Tensor& bias,
                  int64_t stride,
                  int64_t padding) {
  return at::conv2d(x.to(type), weight.to(type), bias.to(type), stride, padding)
      .to(x.scalar_type());
}

/// at::conv2d that computes in float32 those results that the trial found wrong.
struct Conv2dPartlyWide : torch::autograd::Function<Conv2dPartlyWide> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& weight,
                        const Tensor& bias,
                        int64_t stride,
                        int64_t padding,
                        const ConvolutionTrial& trial) {
    context->save_for_backward({x, weight});
    context->saved_data["wants_x"] = x.requires_grad();
    context->saved_data["wants_weight"] = weight.requires_grad();
    context->saved_data["x_is_right"] = trial.input_gradient;
    context->saved_data["weight_is_right"] = trial.weight_gradient;
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return forward_in(type_for(x, trial.output), x, weight, bias, stride, padding);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &dy = gradients[0];
    const auto is = [&](const char* name) { return context->saved_data[name].toBool(); };
    const auto gradients_in = [&](at::ScalarType type, std::array<bool, 3> wanted) {
      return gradients_of_conv2d(dy.to(type),
                                 x.to(type),
                                 weight.to(type),
                                 context->saved_data["stride"].toInt(),
                                 context->saved_data["padding"].toInt(),
                                 wanted);
    };
    Tensor dx, dweight, dbias;
    if (is("wants_x")) {
      dx = std::get<0>(gradients_in(type_for(x, is("x_is_right")), {true, false, false}))
               .to(x.scalar_type());
    }
    if (is("wants_weight")) {
      dweight = std::get<1>(gradients_in(type_for(x, is("weight_is_right")), {false, true, false}))
                    .to(weight.scalar_type());
      dbias = dy.sum({0, 2, 3}, /*keepdim=*/false, at::kFloat).to(weight.scalar_type());
    }
    return {dx, dweight, dbias, Tensor(), Tensor(), Tensor()};
  }
};

/// Evaluates the input (norm, doubling) to a tensor of the weight's type.
Tensor made_of(const ConvolutionInput& input, const Tensor& weight) {
  auto x = input.x.to(weight.scalar_type());
  if (input.norm) {
    const auto& norm = *input.norm;
    x = group_norm_silu(x, norm.groups, norm.weight, norm.bias, norm.eps);
  }
  return input.doubled ? at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}) : x;
}

/// conv2d in bands of output rows, which report their work: LibTorch's convolution of a large
/// picture takes minutes and cannot be stopped.
Tensor conv2d_in_bands(
    const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride, int64_t padding) {
  constexpr double kOperationsAtOnce = 1e11;
  const int64_t kernel = weight.size(2);
  const auto steps = [&](int64_t size) { return (size + 2 * padding - kernel) / stride + 1; };
  const int64_t rows = steps(x.size(2)), columns = steps(x.size(3));
  const double operations_of_row =
      convolution_operations(x.size(0) * columns, weight.size(1), weight.size(0), kernel);
  const auto at_once = std::max<int64_t>(
      static_cast<int64_t>(kOperationsAtOnce / std::max(operations_of_row, 1.0)), 1);
  if (!x.device().is_cpu() || at_once >= rows) {
    auto y = conv2d(x, weight, bias, stride, padding);
    report_work(operations_of_row * static_cast<double>(rows));
    return y;
  }
  auto y = at::empty({x.size(0), weight.size(0), rows, columns}, x.options());
  for (int64_t row = 0; row < rows; row += at_once) {
    const int64_t count = std::min(at_once, rows - row);
    const int64_t begin = row * stride - padding, end = begin + (count - 1) * stride + kernel;
    const int64_t first = std::max<int64_t>(begin, 0), last = std::min(end, x.size(2));
    const auto band = at::constant_pad_nd(x.narrow(2, first, last - first),
                                          {padding, padding, first - begin, end - last});
    y.narrow(2, row, count).copy_(conv2d(band, weight, bias, stride, /*padding=*/0));
    report_work(operations_of_row * static_cast<double>(count));
  }
  return y;
}

Tensor plain_convolution(const ConvolutionInput& input,
                         const Tensor& weight,
                         const Tensor& bias,
                         const ConvolutionGeometry& geometry,
                         const ConvolutionOutput& output) {
  auto x = made_of(input, weight);
  if (geometry.extra > 0) x = at::constant_pad_nd(x, {0, geometry.extra, 0, geometry.extra});
  const bool learns = at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  const auto y =
      (learns ? conv2d : conv2d_in_bands)(x, weight, bias, geometry.stride, geometry.padding);
  const auto sum = output.residual.defined() ? output.residual + y : y;
  return sum.to(output.type.value_or(sum.scalar_type()));
}

bool fused_convolution_applies(const ConvolutionInput& input,
                               const Tensor& weight,
                               const Tensor& bias,
                               const ConvolutionGeometry& geometry,
                               const Tensor& residual) {
  const auto learns = [](const Tensor& tensor) {
    return at::GradMode::is_enabled() && tensor.defined() && tensor.requires_grad();
  };
  const auto& x = input.x;
  // The four convolutions of a doubled picture are those of a kernel of three.
  if (input.doubled && !(geometry.kernel == 3 && geometry.stride == 1 && geometry.padding == 1 &&
                         geometry.extra == 0)) {
    return false;
  }
  return weight.scalar_type() == at::kBFloat16 && kernels_apply({&weight, &bias}) &&
         x.device().is_cpu() && x.is_floating_point() && x.numel() != 0 && !learns(x) &&
         !learns(residual) && !(input.norm && learns(input.norm->weight));
}

}  // namespace

ConvolutionInput doubled(Tensor x) {
  ConvolutionInput input(std::move(x));
  input.doubled = true;
  return input;
}

Tensor convolution(ConvolutionInput input,
                   const Tensor& weight,
                   const Tensor& bias,
                   const ConvolutionGeometry& geometry,
                   ConvolutionOutput output) {
  if constexpr (kHaveKernels) {
    if (fused_convolution_applies(input, weight, bias, geometry, output.residual)) {
      const auto& form = kernels::has_bfloat16_dot_product() ? kernels::bfloat16_convolution()
                                                             : kernels::float_convolution();
      return fused_convolution(form, std::move(input), weight, bias, geometry, std::move(output));
    }
  }
  return plain_convolution(input, weight, bias, geometry, output);
}

bool bfloat16_convolution_pays() {
  return kHaveKernels;
}

Tensor conv2d(
    const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride, int64_t padding) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kBFloat16) {
    return at::conv2d(x, weight, bias, stride, padding);
  }
  const bool learns = at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  const auto trial = try_bfloat16_convolution({x.size(1),
                                               weight.size(0),
                                               weight.size(2),
                                               stride,
                                               padding,
                                               x.is_contiguous(at::MemoryFormat::ChannelsLast)},
                                              learns);
  if (learns && !(trial.output && trial.input_gradient && trial.weight_gradient)) {
    return Conv2dPartlyWide::apply(x, weight, bias, stride, padding, trial);
  }
  return forward_in(type_for(x, trial.output), x, weight, bias, stride, padding);
}

}  // namespace glm_image::nn
