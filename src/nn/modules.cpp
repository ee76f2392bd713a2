#include "nn/modules.h"

#include <algorithm>

#include "core/error.h"
#include "nn/group_norm.h"
#include "nn/parameter.h"

namespace glm_image::nn {

LinearImpl::LinearImpl(int64_t in, int64_t out, const at::TensorOptions& options, bool with_bias) {
  weight = register_parameter("weight", unbound_parameter({out, in}, options));
  if (with_bias) bias = register_parameter("bias", unbound_parameter({out}, options));
}

Tensor LinearImpl::forward(const Tensor& x) const {
  auto y = quantised ? linear(x, *quantised, bias) : linear(x, weight, bias);
  return updates.empty() ? y : add_updates(std::move(y), x, updates);
}

ProjectedAttention::ProjectedAttention(std::vector<Linear> projections)
    : projections_(std::move(projections)) {}

Tensor ProjectedAttention::forward(const Tensor& q,
                                   const Tensor& k,
                                   const Tensor& v,
                                   AttentionOptions options) const {
  // Checked on every call, because streamed weights are bound for one use only.
  options.quantised =
      std::all_of(projections_.begin(), projections_.end(), [](const Linear& projection) {
        return projection->quantised != nullptr;
      });
  return attention(q, k, v, options);
}

std::vector<std::pair<std::string, LinearImpl*>> linear_layers(const torch::nn::Module& module) {
  std::vector<std::pair<std::string, LinearImpl*>> layers;
  for (const auto& item : module.named_modules()) {
    auto* layer = dynamic_cast<LinearImpl*>(item.value().get());
    if (layer != nullptr) layers.emplace_back(item.key(), layer);
  }
  return layers;
}

LayerNormImpl::LayerNormImpl(int64_t dim, double epsilon, const at::TensorOptions& options)
    : eps(epsilon) {
  weight = register_parameter("weight", unbound_parameter({dim}, options));
  bias = register_parameter("bias", unbound_parameter({dim}, options));
}

Tensor LayerNormImpl::forward(const Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, weight, bias, eps);
}

RMSNormImpl::RMSNormImpl(int64_t dim, double epsilon, const at::TensorOptions& options)
    : eps(epsilon) {
  weight = register_parameter("weight", unbound_parameter({dim}, options));
}

Tensor RMSNormImpl::forward(const Tensor& x) const {
  return rms_norm(x, weight, eps);
}

EmbeddingImpl::EmbeddingImpl(int64_t count, int64_t dim, const at::TensorOptions& options) {
  weight = register_parameter("weight", unbound_parameter({count, dim}, options));
}

Tensor EmbeddingImpl::forward(const Tensor& ids) const {
  return at::embedding(weight, ids);
}

Conv2dImpl::Conv2dImpl(int64_t in, int64_t out, Geometry form, const at::TensorOptions& options)
    : geometry(form) {
  weight = register_parameter(
      "weight", unbound_parameter({out, in, geometry.kernel, geometry.kernel}, options));
  bias = register_parameter("bias", unbound_parameter({out}, options));
}

Tensor Conv2dImpl::forward(ConvolutionInput input) const {
  return convolution(std::move(input), weight, bias, geometry);
}

Tensor Conv2dImpl::add_to(Tensor residual, ConvolutionInput input) const {
  ConvolutionOutput output;
  output.residual = std::move(residual);
  return convolution(std::move(input), weight, bias, geometry, std::move(output));
}

Tensor Conv2dImpl::forward_to(at::ScalarType type, ConvolutionInput input) const {
  ConvolutionOutput output;
  output.type = type;
  return convolution(std::move(input), weight, bias, geometry, std::move(output));
}

GroupNormImpl::GroupNormImpl(int64_t group_count,
                             int64_t channels,
                             double epsilon,
                             const at::TensorOptions& options)
    : groups(group_count), eps(epsilon) {
  weight = register_parameter("weight", unbound_parameter({channels}, options));
  bias = register_parameter("bias", unbound_parameter({channels}, options));
}

Tensor GroupNormImpl::forward(const Tensor& x) const {
  return plain::group_norm(x, groups, weight, bias, eps);
}

ConvolutionInput GroupNormImpl::silu(Tensor x) const {
  ConvolutionInput input(std::move(x));
  input.norm = ConvolutionInput::Norm{groups, weight, bias, eps};
  return input;
}

FeedForwardImpl::FeedForwardImpl(int64_t in,
                                 int64_t hidden,
                                 int64_t out,
                                 Activation activation,
                                 const at::TensorOptions& options)
    : activation_(activation), projection_(in, hidden, options), output_(hidden, out, options) {
  // register_module rejects dots in a name, so each level of the checkpoint's path is a module.
  auto first = std::make_shared<torch::nn::Module>();
  first->register_module("proj", projection_);
  auto net = std::make_shared<torch::nn::Module>();
  net->register_module("0", first);
  net->register_module("2", output_);
  register_module("net", net);
}

Tensor FeedForwardImpl::forward(const Tensor& x) const {
  const auto hidden = projection_->forward(x);
  switch (activation_) {
    case Activation::kSilu:
      return output_->forward(at::silu(hidden));
    case Activation::kGelu:
      return output_->forward(at::gelu(hidden));
    case Activation::kGeluTanh:
      return output_->forward(gelu_tanh(hidden));
  }
  fail(ErrorCode::kInternal, "an activation without a formula");
}

}  // namespace glm_image::nn
