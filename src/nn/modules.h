#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/torch.h"
#include "nn/convolution.h"
#include "nn/functional.h"
#include "nn/low_rank_update.h"
#include "nn/quantised_matrix.h"

/// The layers that the models share. Each registers its parameters under the names of the
/// published checkpoint (weight, bias), without storage (nn/parameter.h).
namespace glm_image::nn {

/// y = x·Wᵀ + b, with the updates of W; [..., in] → [..., out].
struct LinearImpl : torch::nn::Module {
  LinearImpl(int64_t in, int64_t out, const at::TensorOptions& options, bool with_bias = true);
  Tensor forward(const Tensor& x) const;
  Tensor weight;  ///< [out, in]; without storage if `quantised` is set
  Tensor bias;    ///< [out], undefined without bias
  std::shared_ptr<const QuantisedMatrix> quantised;  ///< null if the weight is a tensor
  std::vector<LowRankUpdate> updates;  ///< in addition to the weight; see attach_update
};
TORCH_MODULE(Linear);

/// Attention over heads computed by linear layers. If the weights of all these layers stay
/// quantised, it may quantise the heads too (AttentionOptions::quantised).
class ProjectedAttention {
 public:
  explicit ProjectedAttention(std::vector<Linear> projections);
  /// As nn::attention.
  Tensor forward(const Tensor& q, const Tensor& k, const Tensor& v, AttentionOptions options) const;

 private:
  std::vector<Linear> projections_;
};

/// The linear layers of a module with their names ("transformer_blocks.0.attn1.to_q"), in order.
std::vector<std::pair<std::string, LinearImpl*>> linear_layers(const torch::nn::Module& module);

/// (x − mean)/√(variance + eps)·weight + bias over the last dimension.
struct LayerNormImpl : torch::nn::Module {
  LayerNormImpl(int64_t dim, double epsilon, const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;  ///< [..., dim], and so is the result
  Tensor weight, bias;                    ///< [dim]
  double eps;
};
TORCH_MODULE(LayerNorm);

/// x/√(mean(x²) + eps)·weight over the last dimension, computed in float32.
struct RMSNormImpl : torch::nn::Module {
  RMSNormImpl(int64_t dim, double epsilon, const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;
  Tensor weight;  ///< [dim]
  double eps;
};
TORCH_MODULE(RMSNorm);

/// Row `id` of the table for each id; [...] int64 → [..., dim].
struct EmbeddingImpl : torch::nn::Module {
  EmbeddingImpl(int64_t count, int64_t dim, const at::TensorOptions& options);
  Tensor forward(const Tensor& ids) const;
  Tensor weight;  ///< [count, dim]
};
TORCH_MODULE(Embedding);

/// Square 2-D convolution; [B, in, H, W] → [B, out, H', W'].
struct Conv2dImpl : torch::nn::Module {
  using Geometry = ConvolutionGeometry;
  Conv2dImpl(int64_t in, int64_t out, Geometry form, const at::TensorOptions& options);
  /// conv(input), of the weight's type.
  Tensor forward(ConvolutionInput input) const;
  /// residual + conv(input).
  Tensor add_to(Tensor residual, ConvolutionInput input) const;
  /// conv(input), rounded once, to another type.
  Tensor forward_to(at::ScalarType type, ConvolutionInput input) const;
  Tensor weight;  ///< [out, in, kernel, kernel]
  Tensor bias;    ///< [out]
  Geometry geometry;
};
TORCH_MODULE(Conv2d);

/// Normalises groups of channels of [B, C, H, W] (or [B, C, N]).
struct GroupNormImpl : torch::nn::Module {
  GroupNormImpl(int64_t group_count,
                int64_t channels,
                double epsilon,
                const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;
  /// silu(forward(x)), in the form that a convolution reads (nn/convolution.h).
  ConvolutionInput silu(Tensor x) const;
  Tensor weight, bias;  ///< [C]
  int64_t groups;
  double eps;
};
TORCH_MODULE(GroupNorm);

/// Linear, activation, Linear, under the names net.0.proj and net.2 (diffusers' FeedForward).
struct FeedForwardImpl : torch::nn::Module {
  enum class Activation { kSilu, kGelu, kGeluTanh };
  FeedForwardImpl(int64_t in,
                  int64_t hidden,
                  int64_t out,
                  Activation activation,
                  const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;  ///< [..., in] → [..., out]

 private:
  Activation activation_;
  Linear projection_{nullptr}, output_{nullptr};
};
TORCH_MODULE(FeedForward);

}  // namespace glm_image::nn
