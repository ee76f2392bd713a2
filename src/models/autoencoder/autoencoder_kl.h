#pragma once

#include "models/autoencoder/config.h"
#include "nn/modules.h"

/// The VAE between pictures and latents. After diffusers' models/autoencoders/autoencoder_kl.py.
///
/// Activations at a picture's full size are gigabytes. Each is therefore given away to the layer
/// that reads it last (std::move), which may write its result to the same memory.
namespace glm_image::models {

/// x + conv(silu(norm(conv(silu(norm(x)))))), with a 1×1 convolution on x where the width changes.
struct ResnetBlock2DImpl : torch::nn::Module {
  ResnetBlock2DImpl(int64_t in, int64_t out, int64_t groups, const at::TensorOptions& options);
  Tensor forward(Tensor x) const;  ///< [B, in, H, W] → [B, out, H, W]

 private:
  nn::GroupNorm norm1{nullptr}, norm2{nullptr};
  nn::Conv2d conv1{nullptr}, conv2{nullptr}, conv_shortcut{nullptr};
};
TORCH_MODULE(ResnetBlock2D);

/// Single-head attention over all cells, residual.
struct MidAttentionImpl : torch::nn::Module {
  MidAttentionImpl(int64_t channels, int64_t groups, const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;  ///< [B, C, h, w], and so is the result

 private:
  nn::GroupNorm group_norm{nullptr};
  nn::Linear to_q{nullptr}, to_k{nullptr}, to_v{nullptr}, to_out_{nullptr};
};
TORCH_MODULE(MidAttention);

/// ResNet, (attention,) ResNet.
struct MidBlockImpl : torch::nn::Module {
  MidBlockImpl(const AutoencoderConfig& config, const at::TensorOptions& options);
  Tensor forward(Tensor x) const;  ///< [B, C, h, w], and so is the result

 private:
  ResnetBlock2D first_{nullptr}, second_{nullptr};
  MidAttention attention_{nullptr};
};
TORCH_MODULE(MidBlock);

struct EncoderImpl : torch::nn::Module {
  EncoderImpl(const AutoencoderConfig& config, const at::TensorOptions& options);
  Tensor forward(const Tensor& picture) const;  ///< [B, 3, H, W] → [B, 2·latent, H/f, W/f]

 private:
  struct Level {
    std::vector<ResnetBlock2D> resnets;
    nn::Conv2d downsampler{nullptr};
  };
  std::vector<Level> levels_;
  nn::Conv2d conv_in{nullptr}, conv_out{nullptr};
  MidBlock mid_block{nullptr};
  nn::GroupNorm conv_norm_out{nullptr};
};
TORCH_MODULE(Encoder);

struct DecoderImpl : torch::nn::Module {
  DecoderImpl(const AutoencoderConfig& config, const at::TensorOptions& options);
  Tensor forward(const Tensor& latents) const;  ///< [B, latent, h, w] → [B, 3, h·f, w·f]

 private:
  struct Level {
    std::vector<ResnetBlock2D> resnets;
    nn::Conv2d upsampler{nullptr};
  };
  std::vector<Level> levels_;
  nn::Conv2d conv_in{nullptr}, conv_out{nullptr};
  MidBlock mid_block{nullptr};
  nn::GroupNorm conv_norm_out{nullptr};
};
TORCH_MODULE(Decoder);

/// The posterior of the encoder, a diagonal Gaussian: mean and log-variance [B, latent, h, w].
struct Posterior {
  Tensor mean, log_variance;
};

struct AutoencoderKLImpl : torch::nn::Module {
  AutoencoderKLImpl(const AutoencoderConfig& config, const at::TensorOptions& options);

  // The result has the type of the input, whatever the type of the weights.

  /// picture [B, 3, H, W] in −1 … 1, sides multiples of scale_factor.
  Posterior encode(const Tensor& picture) const;
  /// latents [B, latent, h, w], not normalised → picture [B, 3, H, W], about −1 … 1.
  Tensor decode(const Tensor& latents) const;

  /// (z − mean)/std per channel with the config's statistics, and back.
  Tensor normalise(const Tensor& latents) const;
  Tensor denormalise(const Tensor& latents) const;
  const AutoencoderConfig& config() const { return config_; }

 private:
  AutoencoderConfig config_;
  Encoder encoder{nullptr};
  Decoder decoder{nullptr};
  nn::Conv2d quant_conv{nullptr}, post_quant_conv{nullptr};
};
TORCH_MODULE(AutoencoderKL);

}  // namespace glm_image::models
