#include "kernels/bfloat16_dot_product.h"
#include "nn/cpu_kernels.h"
#include "nn/differentiable.h"
#include "nn/gradient_function.h"
#include "nn/quantised_matrix.h"

namespace glm_image::nn::differentiable {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// a · b in the type of both. On CPUs without instructions for bfloat16, LibTorch's product sums in
/// bfloat16, so that it is computed in float32.
Tensor product(const Tensor& a, const Tensor& b) {
  if constexpr (kHaveKernels) {
    if (a.scalar_type() == at::kBFloat16 && !kernels::has_bfloat16_dot_product()) {
      return at::mm(a.to(at::kFloat), b.to(at::kFloat)).to(at::kBFloat16);
    }
  }
  return at::mm(a, b);
}

struct Linear : torch::autograd::Function<Linear> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& weight,
                        const c10::optional<Tensor>& bias) {
    context->save_for_backward({x, weight});
    // Skip the products of gradients that nothing needs: of a frozen weight, or of input data.
    context->saved_data["x"] = x.requires_grad();
    context->saved_data["weight"] = weight.requires_grad();
    context->saved_data["bias"] = bias.has_value() && bias->requires_grad();
    return nn::linear(x, weight, bias.value_or(Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto dy = gradients[0].reshape({-1, weight.size(0)});
    Tensor dx, dweight, dbias;
    if (context->saved_data["x"].toBool()) {
      dx = nn::linear(dy, weight.t().contiguous(), /*bias=*/{}).view(x.sizes());
    }
    if (context->saved_data["weight"].toBool()) {
      // LibTorch's product: the summed dimension is the long one, and our kernel would need both
      // operands transposed.
      dweight = product(dy.t(), x.reshape({-1, weight.size(1)}));
    }
    if (context->saved_data["bias"].toBool()) dbias = dy.sum(0);
    return {dx, dweight, dbias};
  }
};

struct QuantisedLinear : torch::autograd::Function<QuantisedLinear> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const QuantisedMatrix* weight,
                        const c10::optional<Tensor>& bias) {
    context->saved_data["weight"] = reinterpret_cast<int64_t>(weight);
    return nn::linear(x, *weight, bias.value_or(Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const auto* weight =
        // NOLINTNEXTLINE(performance-no-int-to-ptr): saved_data holds no pointers
        reinterpret_cast<const QuantisedMatrix*>(context->saved_data["weight"].toInt());
    const auto& dy = gradients[0];
    return {nn::linear(dy, weight->transposed(dy.scalar_type()), /*bias=*/{}), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor linear(const Tensor& x, const QuantisedMatrix& weight, const Tensor& bias) {
  return apply_function<QuantisedLinear>(
      x, &weight, bias.defined() ? c10::optional<Tensor>(bias) : c10::nullopt);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  // autograd::Function rejects undefined tensors but accepts nullopt.
  const auto optional_bias = bias.defined() ? c10::optional<Tensor>(bias) : c10::nullopt;
  return apply_function<Linear>(x, weight, optional_bias);
}

}  // namespace glm_image::nn::differentiable
