#include "nn/convolution.h"

#include "nn/convolution_trial.h"
#include "nn/gradient_function.h"

namespace glm_image::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The type to compute in where the type of the tensors may be wrong, as a trial has found.
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

/// at::conv2d with those of its results in float32 that the trial has found wrong.
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

}  // namespace

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
