#pragma once

#include <cstdint>
#include <vector>

#include "io/json_file.h"

namespace glm_image::models {

/// vae/config.json. A key that the file leaves out has the default of diffusers' AutoencoderKL;
/// latents_mean and latents_std, which have none there, are required.
struct AutoencoderConfig {
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  int64_t latent_channels = 0;
  std::vector<int64_t> block_out_channels;
  int64_t layers_per_block = 0;
  int64_t norm_num_groups = 0;
  bool mid_block_add_attention = false;
  bool use_quant_conv = false;
  bool use_post_quant_conv = false;
  std::vector<double> latents_mean, latents_std;  ///< one each per latent channel

  /// Pixels per latent cell, along a side.
  int64_t scale_factor() const { return int64_t{1} << (block_out_channels.size() - 1); }

  static AutoencoderConfig from_json(const io::JsonFields& config);
};

}  // namespace glm_image::models
