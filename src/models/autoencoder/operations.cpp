#include "models/autoencoder/operations.h"

#include <algorithm>

#include "nn/convolution.h"

namespace glm_image::models {
namespace {

/// Walks through the layers in their order and adds up their operations. Notes how many values
/// exist at the same time in the layer that needs the most.
class Walk {
 public:
  explicit Walk(int64_t cells) : cells_(cells) {}

  void convolution(int64_t in, int64_t out, int64_t kernel) {
    total_ += nn::convolution_operations(cells_, in, out, kernel);
    need(cells_ * (in + out), cells_ * 2 * (in + out));
  }
  void mid_block(int64_t width) {
    for (int i = 0; i < 2; ++i) resnet(width, width);
    // The tokens, four projections, norms and sums in between.
    need(cells_ * 10 * width, cells_ * 10 * width);
  }
  /// `sampler(width)` adds the layer between two levels, which changes the resolution.
  template <typename Sampler>
  void levels(const std::vector<int64_t>& widths, int64_t resnets, const Sampler& sampler) {
    int64_t channels = widths.front();
    for (size_t level = 0; level < widths.size(); ++level) {
      for (int64_t i = 0; i < resnets; ++i) {
        resnet(channels, widths[level]);
        channels = widths[level];
      }
      if (level + 1 < widths.size()) sampler(channels);
    }
  }
  void halve(int64_t channels) {
    const int64_t before = cells_;
    cells_ /= 4;
    convolution(channels, channels, 3);
    need((before + cells_) * channels, 2 * (before + cells_) * channels);
  }
  void double_sides(int64_t channels) {
    const int64_t before = cells_;
    cells_ *= 4;
    total_ += nn::convolution_operations(cells_, channels, channels, 3);
    // The plain form makes the doubled picture; the fused one never does.
    need((before + cells_) * channels, (before + 3 * cells_) * channels);
  }
  double total() const { return total_; }
  int64_t values(bool fused) const { return fused ? fused_values_ : plain_values_; }

 private:
  void need(int64_t fused, int64_t plain) {
    fused_values_ = std::max(fused_values_, fused);
    plain_values_ = std::max(plain_values_, plain);
  }
  void resnet(int64_t in, int64_t out) {
    convolution(in, out, 3);
    convolution(out, out, 3);
    if (in != out) convolution(in, out, 1);
    // Fused: x, or the residual that is made from it, and the first result, which takes the memory
    // of a larger x; the sum takes that of the residual. The plain form also has the normalised
    // inputs and copies.
    const int64_t fused = in == out ? 2 * out : in > out ? in + out : in + 2 * out;
    need(cells_ * fused, cells_ * std::max(3 * in + 3 * out, 6 * out));
  }

  int64_t cells_;
  double total_ = 0;
  int64_t fused_values_ = 0, plain_values_ = 0;
};

Walk encoding(const AutoencoderConfig& config, int64_t width, int64_t height) {
  const auto& widths = config.block_out_channels;
  const int64_t moments = 2 * config.latent_channels;
  Walk walk(width * height);
  walk.convolution(config.in_channels, widths.front(), 3);
  walk.levels(widths, config.layers_per_block, [&](int64_t channels) { walk.halve(channels); });
  walk.mid_block(widths.back());
  walk.convolution(widths.back(), moments, 3);
  if (config.use_quant_conv) walk.convolution(moments, moments, 1);
  return walk;
}

Walk decoding(const AutoencoderConfig& config, int64_t width, int64_t height) {
  auto widths = config.block_out_channels;
  std::reverse(widths.begin(), widths.end());
  const int64_t latent = config.latent_channels, factor = config.scale_factor();
  Walk walk(width * height / (factor * factor));
  if (config.use_post_quant_conv) walk.convolution(latent, latent, 1);
  walk.convolution(latent, widths.front(), 3);
  walk.mid_block(widths.front());
  walk.levels(
      widths, config.layers_per_block + 1, [&](int64_t channels) { walk.double_sides(channels); });
  walk.convolution(widths.back(), config.out_channels, 3);
  return walk;
}

}  // namespace

double encoding_operations(const AutoencoderConfig& config, int64_t width, int64_t height) {
  return encoding(config, width, height).total();
}

double decoding_operations(const AutoencoderConfig& config, int64_t width, int64_t height) {
  return decoding(config, width, height).total();
}

int64_t encoding_values(const AutoencoderConfig& config,
                        int64_t width,
                        int64_t height,
                        bool fused) {
  return encoding(config, width, height).values(fused);
}

int64_t decoding_values(const AutoencoderConfig& config,
                        int64_t width,
                        int64_t height,
                        bool fused) {
  return decoding(config, width, height).values(fused);
}

}  // namespace glm_image::models
