#pragma once

#include <string>

#include "train/config/keys.h"

/// The keys of config files, with their defaults. None of them needs LibTorch, so that the help can
/// list them.
namespace glm_image::train {

/// Keys of all stages.
struct RunKeys {
  std::string stage, run, data, model, start;
  int64_t seed = 0;
  void visit(KeyVisitor& keys);
};

/// Keys of all stages that are trained by gradients.
struct TrainingKeys {
  int64_t batch = 1, gradient_accumulation_steps = 1, steps = 0;
  int64_t loader_threads = 1;
  std::string dtype = "bfloat16";
  double learning_rate = 0, last_learning_rate = 0;
  int64_t warmup_steps = 100;
  double beta1 = 0.9, beta2 = 0.99, weight_decay = 0.01, max_grad_norm = 1, ema_decay = 0.999;
  double checkpoint_seconds = 180;
  int64_t metrics_every = 10, samples_every = 500;
  void visit(KeyVisitor& keys);
};

/// Keys of all stages if the data are a folder of pictures with captions.
struct FolderKeys {
  int64_t size = 512;
  std::string trigger;
  void visit(KeyVisitor& keys);
};

/// Keys in the object with the stage's name.
struct VaeKeys {
  double squared_weight = 1, edge_weight = 1, kl_weight = 1e-3, latent_noise = 0;
  bool keep_encoder = false;
  void visit(KeyVisitor& keys);
};

/// If the data are a folder of pictures with captions.
struct VqKeys {
  double commitment_weight = 0.25, codebook_decay = 0.98;
  void visit(KeyVisitor& keys);
};

struct TransformerKeys {
  std::string vae, vq;
  double cfg_dropout = 0.1, conditioning_noise = 0.02;
  int64_t timesteps_per_sample = 2, timesteps_per_crop = 4;
  double timestep_density = 1;
  double random_crop = 0;
  int64_t crop_height = 96;
  int64_t sample_steps = 20;
  double sample_guidance = 1.5;
  void visit(KeyVisitor& keys);
};

struct GeneratorKeys {
  std::string vocabulary, vq;
  double input_dropout = 0;
  void visit(KeyVisitor& keys);
};

/// Adds the keys of a stage and, for each stage, those of all stages. `stage` is one of kStages.
void describe_stage(const std::string& stage, KeyHelp& help);

}  // namespace glm_image::train
