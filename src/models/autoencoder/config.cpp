#include "models/autoencoder/config.h"

#include "models/config_limits.h"

namespace glm_image::models {

AutoencoderConfig AutoencoderConfig::from_json(const io::JsonFields& json) {
  AutoencoderConfig config;
  config.in_channels = json.optional_int64("in_channels", 3, 3, 3);
  config.out_channels = json.optional_int64("out_channels", 3, 3, 3);
  config.latent_channels = json.optional_int64("latent_channels", 4, 1, 4096);
  config.block_out_channels = json.optional_int64_list("block_out_channels", {64}, 1, kMaxWidth);
  if (config.block_out_channels.empty() || config.block_out_channels.size() > 8) {
    json.refuse("block_out_channels", "a list of 1 to 8 widths");
  }
  config.layers_per_block = json.optional_int64("layers_per_block", 1, 1, 64);
  config.norm_num_groups = json.optional_int64("norm_num_groups", 32, 1, kMaxWidth);
  for (const int64_t channels : config.block_out_channels) {
    if (channels % config.norm_num_groups != 0) {
      json.refuse("norm_num_groups", "a divisor of every width in block_out_channels");
    }
  }
  config.mid_block_add_attention = json.optional_bool("mid_block_add_attention", true);
  config.use_quant_conv = json.optional_bool("use_quant_conv", true);
  config.use_post_quant_conv = json.optional_bool("use_post_quant_conv", true);
  json.supports_only("act_fn", "silu");
  const auto supports_only_blocks = [&](const char* name, const std::string& type) {
    // An absent list does not contradict the widths.
    if (!json.has(name)) return;
    if (json.required_string_list(name) !=
        std::vector<std::string>(config.block_out_channels.size(), type)) {
      json.refuse(name,
                  concat("\"", type, "\" for each width in block_out_channels"),
                  ErrorCode::kUnsupported);
    }
  };
  supports_only_blocks("down_block_types", "DownEncoderBlock2D");
  supports_only_blocks("up_block_types", "UpDecoderBlock2D");

  const auto statistic = [&](const char* name, bool positive) {
    auto values = json.required_double_list(name);
    if (static_cast<int64_t>(values.size()) != config.latent_channels) {
      json.refuse(name,
                  concat("a list of ", config.latent_channels, " numbers, one a latent channel"));
    }
    for (const double value : values) {
      if (positive && !(value > 0)) json.refuse(name, "a list of positive numbers");
    }
    return values;
  };
  config.latents_mean = statistic("latents_mean", /*positive=*/false);
  config.latents_std = statistic("latents_std", /*positive=*/true);
  return config;
}

}  // namespace glm_image::models
