#pragma once

#include "core/torch.h"

/// The layers that all models share. Each registers its parameters under the names of the
/// published checkpoint (weight, bias), without storage (nn/parameter.h).
namespace glm_image::nn {

/// y = x·Wᵀ + b; [..., in] → [..., out].
struct LinearImpl : torch::nn::Module {
  LinearImpl(int64_t in, int64_t out, const at::TensorOptions& options, bool with_bias = true);
  Tensor forward(const Tensor& x) const;
  Tensor weight;  ///< [out, in]
  Tensor bias;    ///< [out], undefined without
};
TORCH_MODULE(Linear);

/// (x − mean)/√(variance + eps)·weight + bias over the last dimension.
struct LayerNormImpl : torch::nn::Module {
  LayerNormImpl(int64_t dim, double eps, const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;
  Tensor weight, bias;  ///< [dim]
  double eps;
};
TORCH_MODULE(LayerNorm);

/// x/√(mean(x²) + eps)·weight over the last dimension, in float32 inside.
struct RMSNormImpl : torch::nn::Module {
  RMSNormImpl(int64_t dim, double eps, const at::TensorOptions& options);
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
  struct Geometry {
    int64_t kernel = 3, stride = 1, padding = 1;
  };
  Conv2dImpl(int64_t in, int64_t out, Geometry geometry, const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;
  Tensor weight;  ///< [out, in, kernel, kernel]
  Tensor bias;    ///< [out]
  Geometry geometry;
};
TORCH_MODULE(Conv2d);

/// Normalises groups of channels of [B, C, H, W] (or [B, C, N]).
struct GroupNormImpl : torch::nn::Module {
  GroupNormImpl(int64_t groups, int64_t channels, double eps, const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;
  /// silu(forward(x)), in one pass where it can (nn/group_norm.h).
  Tensor silu(const Tensor& x) const;
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
  Tensor forward(const Tensor& x) const;

 private:
  Activation activation_;
  Linear projection_{nullptr}, output_{nullptr};
};
TORCH_MODULE(FeedForward);

}  // namespace glm_image::nn
