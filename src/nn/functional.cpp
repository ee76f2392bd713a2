#include "nn/functional.h"

namespace glm_image::nn {

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::linear(x, weight, bias.defined() ? c10::optional<Tensor>(bias) : c10::nullopt);
}

Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options) {
  return plain::attention(q, k, v, options);
}

Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps) {
  return plain::modulated_layer_norm(x, shift, scale, eps);
}

Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate) {
  return plain::gated_residual(x, y, gate);
}

Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps) {
  return plain::head_norm_rotary(x, cos, sin, first_rotated, eps);
}

Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  return plain::rotary(x, cos, sin);
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  return plain::rms_norm(x, weight, eps);
}

Tensor gelu_tanh(const Tensor& x) {
  return plain::gelu_tanh(x);
}

Tensor silu_gate(const Tensor& x) {
  return plain::silu_gate(x);
}

}  // namespace glm_image::nn
