#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "glm_image/pipeline.h"

namespace glm_image::train {

/// The settings of `glm-image train lora`.
struct LoraOptions {
  std::filesystem::path model, data, output;
  std::string trigger;  ///< as FolderOptions::trigger
  /// A folder like `data` whose pictures the adapter is not to change; empty for none. Its captions
  /// are used without the trigger. A batch has as many of them as of `data`, and their loss is the
  /// distance to the base's output (objectives/prior_preservation.h).
  std::filesystem::path prior_data;
  double prior_loss_weight = 1;
  /// Of the generator: the fraction of sequences in which 50 to 100% of the tokens before the
  /// predicted one are hidden (batch/input_dropout.h).
  double input_dropout = 0;
  bool transformer = true, generator = true;
  int64_t rank = 16;
  double alpha = 16;
  bool all_layers = false;
  int64_t steps = 1000;  ///< of each part
  double learning_rate = 1e-4;
  /// After the warm-up the learning rate stays ("constant"), or falls to 0 at the last step along a
  /// half cosine ("cosine").
  std::string lr_scheduler = "constant";
  int64_t size = 512;      ///< pictures have at most size² pixels; a multiple of 32
  int64_t batch = 1;       ///< pictures computed together
  int64_t accumulate = 1;  ///< batches of a step
  uint64_t seed = 0;
  double checkpoint_seconds = 60;  ///< between saves of the run's state; 0: after each step
  int64_t save_every = 0;          ///< steps between intermediate adapter files; 0: none
  /// Of latents and tokens; empty: ".glm-image-cache" in `data`, and in `prior_data` for its own.
  std::filesystem::path cache;
  bool recompute = true;
  /// Form of the frozen base weights: "auto" (as stored, or smaller where max_memory_bytes of
  /// `pipeline` asks for it), "bf16" (not quantised), "q8" or "q4" (quantised when they are read).
  std::string base = "auto";
  std::vector<std::string> sample_prompts;  ///< drawn every `samples_every` steps and at the end
  int64_t samples_every = 250;
  int64_t sample_steps = 20;  ///< denoising steps of a sample
  /// Device and number type; the VAE always computes in float32. Its adapters belong to the base:
  /// they act in training, as the target of prior preservation and in samples, and do not change.
  PipelineOptions pipeline;
};

}  // namespace glm_image::train
