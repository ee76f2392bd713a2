#include "models/autoencoder/autoencoder_kl.h"

#include <algorithm>

#include "nn/functional.h"
#include "nn/group.h"

namespace glm_image::models {
namespace {

constexpr double kGroupNormEps = 1e-6;
using Geometry = nn::Conv2dImpl::Geometry;
constexpr Geometry kSame{/*kernel=*/3, /*stride=*/1, /*padding=*/1};
// One column right and one row below: a symmetric padding would shift the picture.
constexpr Geometry kHalving{/*kernel=*/3, /*stride=*/2, /*padding=*/0, /*extra=*/1};
constexpr Geometry kPointwise{/*kernel=*/1, /*stride=*/1, /*padding=*/0};

/// Registers `count` ResNet blocks as resnets.0 … under `parent`.
std::vector<ResnetBlock2D> make_resnets(torch::nn::Module& parent,
                                        int64_t count,
                                        int64_t in,
                                        int64_t out,
                                        int64_t groups,
                                        const at::TensorOptions& options) {
  const auto list = parent.register_module("resnets", torch::nn::ModuleList());
  std::vector<ResnetBlock2D> resnets;
  for (int64_t i = 0; i < count; ++i) {
    resnets.emplace_back(i == 0 ? in : out, out, groups, options);
    list->push_back(resnets.back());
  }
  return resnets;
}

/// Registers one convolution as `list`.0.conv under `parent`.
nn::Conv2d make_sampler(torch::nn::Module& parent,
                        const std::string& list,
                        int64_t channels,
                        Geometry geometry,
                        const at::TensorOptions& options) {
  const auto sampler = parent.register_module(list, nn::group())->register_module("0", nn::group());
  return sampler->register_module("conv", nn::Conv2d(channels, channels, geometry, options));
}

Tensor per_channel(const std::vector<double>& values, const Tensor& like) {
  return torch::tensor(values, at::kDouble).to(at::kFloat).to(like.device()).view({1, -1, 1, 1});
}

}  // namespace

ResnetBlock2DImpl::ResnetBlock2DImpl(int64_t in,
                                     int64_t out,
                                     int64_t groups,
                                     const at::TensorOptions& options) {
  norm1 = register_module("norm1", nn::GroupNorm(groups, in, kGroupNormEps, options));
  conv1 = register_module("conv1", nn::Conv2d(in, out, kSame, options));
  norm2 = register_module("norm2", nn::GroupNorm(groups, out, kGroupNormEps, options));
  conv2 = register_module("conv2", nn::Conv2d(out, out, kSame, options));
  if (in != out) {
    conv_shortcut = register_module("conv_shortcut", nn::Conv2d(in, out, kPointwise, options));
  }
}

Tensor ResnetBlock2DImpl::forward(Tensor x) const {
  auto residual = conv_shortcut.is_empty() ? x : conv_shortcut->forward(x);
  auto hidden = conv1->forward(norm1->silu(std::move(x)));
  return conv2->add_to(std::move(residual), norm2->silu(std::move(hidden)));
}

MidAttentionImpl::MidAttentionImpl(int64_t channels,
                                   int64_t groups,
                                   const at::TensorOptions& options) {
  group_norm =
      register_module("group_norm", nn::GroupNorm(groups, channels, kGroupNormEps, options));
  to_q = register_module("to_q", nn::Linear(channels, channels, options));
  to_k = register_module("to_k", nn::Linear(channels, channels, options));
  to_v = register_module("to_v", nn::Linear(channels, channels, options));
  to_out_ = register_module("to_out", nn::group())
                ->register_module("0", nn::Linear(channels, channels, options));
}

Tensor MidAttentionImpl::forward(const Tensor& x) const {
  const auto tokens = group_norm->forward(x).flatten(2).transpose(1, 2);  // [B, H·W, C]
  const auto head = [&](const nn::Linear& projection) {
    return projection->forward(tokens).unsqueeze(2);  // one head
  };
  const auto mixed = nn::attention(head(to_q), head(to_k), head(to_v), {}).squeeze(2);
  return x + to_out_->forward(mixed).transpose(1, 2).reshape(x.sizes());
}

MidBlockImpl::MidBlockImpl(const AutoencoderConfig& config, const at::TensorOptions& options) {
  const int64_t channels = config.block_out_channels.back(), groups = config.norm_num_groups;
  const auto resnets = make_resnets(*this, /*count=*/2, channels, channels, groups, options);
  first_ = resnets[0];
  second_ = resnets[1];
  if (config.mid_block_add_attention) {
    attention_ = register_module("attentions", nn::group())
                     ->register_module("0", MidAttention(channels, groups, options));
  }
}

Tensor MidBlockImpl::forward(Tensor x) const {
  auto hidden = first_->forward(std::move(x));
  if (!attention_.is_empty()) hidden = attention_->forward(hidden);
  return second_->forward(std::move(hidden));
}

EncoderImpl::EncoderImpl(const AutoencoderConfig& config, const at::TensorOptions& options) {
  const auto& widths = config.block_out_channels;
  conv_in =
      register_module("conv_in", nn::Conv2d(config.in_channels, widths.front(), kSame, options));
  const auto down_blocks = register_module("down_blocks", torch::nn::ModuleList());
  int64_t channels = widths.front();
  for (size_t i = 0; i < widths.size(); ++i) {
    const auto block = nn::group();
    Level level;
    level.resnets = make_resnets(
        *block, config.layers_per_block, channels, widths[i], config.norm_num_groups, options);
    channels = widths[i];
    if (i + 1 < widths.size()) {
      level.downsampler = make_sampler(*block, "downsamplers", channels, kHalving, options);
    }
    down_blocks->push_back(block);
    levels_.push_back(level);
  }
  mid_block = register_module("mid_block", MidBlock(config, options));
  conv_norm_out = register_module(
      "conv_norm_out", nn::GroupNorm(config.norm_num_groups, channels, kGroupNormEps, options));
  conv_out =
      register_module("conv_out", nn::Conv2d(channels, 2 * config.latent_channels, kSame, options));
}

Tensor EncoderImpl::forward(const Tensor& picture) const {
  auto x = conv_in->forward(picture);
  for (const auto& level : levels_) {
    for (const auto& resnet : level.resnets) x = resnet->forward(std::move(x));
    if (!level.downsampler.is_empty()) x = level.downsampler->forward(std::move(x));
  }
  x = mid_block->forward(std::move(x));
  return conv_out->forward_to(picture.scalar_type(), conv_norm_out->silu(std::move(x)));
}

DecoderImpl::DecoderImpl(const AutoencoderConfig& config, const at::TensorOptions& options) {
  auto widths = config.block_out_channels;
  std::reverse(widths.begin(), widths.end());
  conv_in = register_module("conv_in",
                            nn::Conv2d(config.latent_channels, widths.front(), kSame, options));
  mid_block = register_module("mid_block", MidBlock(config, options));
  const auto up_blocks = register_module("up_blocks", torch::nn::ModuleList());
  int64_t channels = widths.front();
  for (size_t i = 0; i < widths.size(); ++i) {
    const auto block = nn::group();
    Level level;
    level.resnets = make_resnets(
        *block, config.layers_per_block + 1, channels, widths[i], config.norm_num_groups, options);
    channels = widths[i];
    if (i + 1 < widths.size()) {
      level.upsampler = make_sampler(*block, "upsamplers", channels, kSame, options);
    }
    up_blocks->push_back(block);
    levels_.push_back(level);
  }
  conv_norm_out = register_module(
      "conv_norm_out", nn::GroupNorm(config.norm_num_groups, channels, kGroupNormEps, options));
  conv_out = register_module("conv_out", nn::Conv2d(channels, config.out_channels, kSame, options));
}

Tensor DecoderImpl::forward(const Tensor& latents) const {
  auto x = mid_block->forward(conv_in->forward(latents));
  for (const auto& level : levels_) {
    for (const auto& resnet : level.resnets) x = resnet->forward(std::move(x));
    if (!level.upsampler.is_empty()) x = level.upsampler->forward(nn::doubled(std::move(x)));
  }
  return conv_out->forward_to(latents.scalar_type(), conv_norm_out->silu(std::move(x)));
}

AutoencoderKLImpl::AutoencoderKLImpl(const AutoencoderConfig& config,
                                     const at::TensorOptions& options)
    : config_(config) {
  const int64_t latent = config.latent_channels;
  encoder = register_module("encoder", Encoder(config, options));
  decoder = register_module("decoder", Decoder(config, options));
  if (config.use_quant_conv) {
    quant_conv =
        register_module("quant_conv", nn::Conv2d(2 * latent, 2 * latent, kPointwise, options));
  }
  if (config.use_post_quant_conv) {
    post_quant_conv =
        register_module("post_quant_conv", nn::Conv2d(latent, latent, kPointwise, options));
  }
}

Posterior AutoencoderKLImpl::encode(const Tensor& picture) const {
  auto moments = encoder->forward(picture);
  if (!quant_conv.is_empty()) moments = quant_conv->forward_to(picture.scalar_type(), moments);
  const auto halves = moments.chunk(2, /*dim=*/1);
  return {halves[0], halves[1].clamp(-30.0, 20.0)};
}

Tensor AutoencoderKLImpl::decode(const Tensor& latents) const {
  if (post_quant_conv.is_empty()) return decoder->forward(latents);
  return decoder->forward(post_quant_conv->forward_to(latents.scalar_type(), latents));
}

Tensor AutoencoderKLImpl::normalise(const Tensor& latents) const {
  return (latents - per_channel(config_.latents_mean, latents)) /
         per_channel(config_.latents_std, latents);
}

Tensor AutoencoderKLImpl::denormalise(const Tensor& latents) const {
  return latents * per_channel(config_.latents_std, latents) +
         per_channel(config_.latents_mean, latents);
}

}  // namespace glm_image::models
