#pragma once

#include "train/lora/train_lora.h"
#include "train/picture_folder.h"

namespace glm_image::test {

/// A run of both parts of the toy model on four pictures, which are written to FOLDER/data.
inline train::LoraOptions small_lora_run(const std::filesystem::path& folder) {
  train::LoraOptions options;
  options.model = tiny_model_dir();
  options.data = folder / "data";
  options.output = folder / "style.safetensors";
  options.rank = 4;
  options.alpha = 8;
  options.steps = 6;
  options.learning_rate = 1e-3;
  options.size = 64;
  options.batch = 2;
  std::filesystem::create_directories(options.data);
  add_four_pictures(options.data);
  return options;
}

}  // namespace glm_image::test
