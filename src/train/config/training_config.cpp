#include "train/config/training_config.h"

#include "core/error.h"
#include "train/config/stage_keys.h"

namespace glm_image::train {
namespace {

TrainingConfig with_training_keys(const RunConfig& common) {
  TrainingConfig config{common, 1, {}, {}, {}};
  const auto keys = common.read<TrainingKeys>();
  config.batch = keys.batch;
  config.dtype = keys.dtype;

  auto& optimizer = config.optimizer;
  optimizer.beta1 = keys.beta1;
  optimizer.beta2 = keys.beta2;
  optimizer.weight_decay = keys.weight_decay;
  optimizer.max_grad_norm = keys.max_grad_norm;

  auto& loop = config.loop;
  loop.steps = keys.steps;
  loop.loader_threads = keys.loader_threads;
  loop.accumulate = keys.gradient_accumulation_steps;
  loop.learning_rate = {keys.learning_rate, keys.last_learning_rate, keys.warmup_steps, keys.steps};
  loop.ema_decay = keys.ema_decay;
  loop.checkpoint_seconds = keys.checkpoint_seconds;
  loop.metrics_every = keys.metrics_every;
  loop.samples_every = keys.samples_every;
  loop.seed = config.seed;
  loop.batch = config.batch;
  // The settings that determine the order of the examples, apart from those of the data.
  loop.identity =
      concat(config.stage, " seed ", config.seed, " batch ", config.batch, "x", loop.accumulate);
  return config;
}

}  // namespace

TrainingConfig TrainingConfig::load(const std::filesystem::path& file) {
  return parse(io::read_text_file(file, io::kMaxJsonBytes), file);
}

TrainingConfig TrainingConfig::parse(const std::string& text, const std::filesystem::path& file) {
  const auto common = RunConfig::parse(text, file);
  try {
    return with_training_keys(common);
  } catch (const Error& error) {
    throw with_line(error, file);
  }
}

}  // namespace glm_image::train
