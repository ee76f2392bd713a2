#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/config/stage_keys.h"

namespace glm_image::train {

/// The keys of `glm-image train lora`: of its config file and, with "-" for "_", its options. They
/// need no LibTorch, so that the launcher can check them.
struct LoraKeys {
  std::string model, data, output;
  std::vector<std::string> parts = {"transformer", "generator"};
  FolderKeys pictures;
  std::string prior_data;
  double prior_loss_weight = 1;
  double input_dropout = 0;
  std::string lr_scheduler = "constant";
  int64_t steps = 1000;
  double learning_rate = 1e-4;
  int64_t rank = 16;
  double alpha = 16;
  bool all_layers = false;
  std::string base = "auto", max_memory, dtype = "auto";
  int64_t batch = 1, accumulate = 1;
  int64_t seed = 0;
  std::vector<std::string> sample_prompt;
  int64_t samples_every = 250, sample_steps = 20;
  int64_t save_every = 0;
  double checkpoint_seconds = 60;
  std::string cache;
  bool keep_activations = false;
  std::vector<std::string> lora;  ///< FILE[:SCALE] of adapters that belong to the base

  void visit(KeyVisitor& keys);

  /// Reads a config file. Relative paths start at its folder. Throws kCorruptFile naming the line,
  /// the key and the allowed values; also for an unknown key.
  static LoraKeys load(const std::filesystem::path& file);
  /// The same for a config's text, as if it were in `file`.
  static LoraKeys parse(const std::string& text, const std::filesystem::path& file);
};

}  // namespace glm_image::train
