#pragma once

#include "diffusion/flow_match.h"

namespace glm_image::test {

/// The schedule of the published checkpoint.
inline diffusion::FlowMatchConfig published_config() {
  diffusion::FlowMatchConfig config;
  config.num_train_timesteps = 1000;
  config.base_image_seq_len = 256;
  config.base_shift = 0.25;
  config.max_shift = 0.75;
  return config;
}

}  // namespace glm_image::test
