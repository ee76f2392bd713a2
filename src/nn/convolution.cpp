#include "nn/convolution.h"

#include <array>
#include <tuple>

#include "nn/gradient_function.h"

namespace glm_image::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The gradients that are `wanted`: of x, the weight and the bias.
std::tuple<Tensor, Tensor, Tensor> gradients_of_conv2d(const Tensor& dy,
                                                       const Tensor& x,
                                                       const Tensor& weight,
                                                       int64_t stride,
                                                       int64_t padding,
                                                       std::array<bool, 3> wanted) {
  return at::convolution_backward(dy,
                                  x,
                                  weight,
                                  /*bias_sizes=*/c10::nullopt,
                                  {stride, stride},
                                  {padding, padding},
                                  /*dilation=*/{1, 1},
                                  /*transposed=*/false,
                                  /*output_padding=*/{0, 0},
                                  /*groups=*/1,
                                  wanted);
}

Tensor weight_gradient(
    const Tensor& dy, const Tensor& x, const Tensor& weight, int64_t stride, int64_t padding) {
  return std::get<1>(gradients_of_conv2d(dy, x, weight, stride, padding, {false, true, false}));
}

Tensor wide_weight_gradient(
    const Tensor& dy, const Tensor& x, const Tensor& weight, int64_t stride, int64_t padding) {
  return weight_gradient(
      dy.to(at::kFloat), x.to(at::kFloat), weight.to(at::kFloat), stride, padding);
}

/// at::conv2d with the gradient of the weight taken in float32.
struct Conv2dWideGradient : torch::autograd::Function<Conv2dWideGradient> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& weight,
                        const Tensor& bias,
                        int64_t stride,
                        int64_t padding) {
    context->save_for_backward({x, weight});
    context->saved_data["x"] = x.requires_grad();
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return at::conv2d(x, weight, bias, stride, padding);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &dy = gradients[0];
    const int64_t stride = context->saved_data["stride"].toInt();
    const int64_t padding = context->saved_data["padding"].toInt();
    Tensor dx;
    if (context->saved_data["x"].toBool()) {
      dx = std::get<0>(gradients_of_conv2d(dy, x, weight, stride, padding, {true, false, false}));
    }
    const auto dweight =
        wide_weight_gradient(dy, x, weight, stride, padding).to(weight.scalar_type());
    const auto dbias = dy.sum({0, 2, 3}, /*keepdim=*/false, at::kFloat).to(weight.scalar_type());
    return {dx, dweight, dbias, Tensor(), Tensor()};
  }
};

bool try_bfloat16_weight_gradient() {
  at::NoGradGuard no_grad;
  constexpr int64_t kChannels = 32, kHeight = 32, kWidth = 512, kKernel = 3;
  // Any values do, but not random ones: nothing here may draw from anybody's generator.
  const auto values = [](int64_t salt, const std::vector<int64_t>& sizes) {
    const auto count = c10::multiply_integers(sizes);
    return ((at::arange(count, at::kLong) * 7919 + salt) % 1009 / 504.5 - 1)
        .view(sizes)
        .to(at::kBFloat16)
        .contiguous(at::MemoryFormat::ChannelsLast);
  };
  const auto x = values(1, {1, kChannels, kHeight, kWidth});
  const auto dy = values(2, {1, kChannels, kHeight, kWidth});
  const auto weight = values(3, {kChannels, kChannels, kKernel, kKernel});
  constexpr int64_t kStride = 1, kPadding = kKernel / 2;
  const auto expected = wide_weight_gradient(dy, x, weight, kStride, kPadding);
  const auto found = weight_gradient(dy, x, weight, kStride, kPadding).to(at::kFloat);
  return ((found - expected).norm() / expected.norm()).item<double>() < 0.05;  // not for a NaN
}

/// Tried once, with a picture that is known to come out wrong: it is a fact of the machine.
bool bfloat16_weight_gradient_is_right() {
  static const bool is_right = try_bfloat16_weight_gradient();
  return is_right;
}

}  // namespace

Tensor conv2d(
    const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride, int64_t padding) {
  const bool learns = at::GradMode::is_enabled() && weight.requires_grad();
  if (learns && x.device().is_cpu() && x.scalar_type() == at::kBFloat16 &&
      !bfloat16_weight_gradient_is_right()) {
    return Conv2dWideGradient::apply(x, weight, bias, stride, padding);
  }
  return at::conv2d(x, weight, bias, stride, padding);
}

}  // namespace glm_image::nn
