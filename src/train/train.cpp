#include "train/train.h"

#include <algorithm>
#include <optional>

#include "core/byte_size.h"
#include "core/error.h"
#include "core/joined.h"
#include "core/memory.h"
#include "train/config/stage_names.h"
#include "train/data/folder_training_data.h"
#include "train/stages/generator_stage.h"
#include "train/stages/transformer_stage.h"
#include "train/stages/vae_stage.h"
#include "train/stages/vq_stage.h"
#include "train/weights/ema.h"
#include "train/weights/start_weights.h"

namespace glm_image::train {
namespace {

/// Refuses before the optimizer's buffers are allocated.
void require_memory(const std::vector<TrainedModule>& modules,
                    at::ScalarType working_type,
                    int64_t max_memory_bytes) {
  const int64_t needed = MixedPrecisionAdamW::bytes_for(modules, working_type) +
                         ExponentialMovingAverage::bytes_for(modules);
  const bool is_given = max_memory_bytes > 0;
  const int64_t allowed = is_given ? max_memory_bytes : usable_memory_bytes();
  if (allowed == 0 || needed <= allowed) return;
  fail(ErrorCode::kInvalidInput,
       "the weights, their gradients and the optimizer's state need ",
       byte_size_text(needed),
       " of memory; ",
       byte_size_text(allowed),
       is_given ? " are allowed (max-memory)" : " are free on this machine");
}

}  // namespace

std::unique_ptr<Stage> make_stage(const TrainingConfig& config, const at::Device& device) {
  const auto names = stage_names();
  if (std::find(names.begin(), names.end(), config.stage) == names.end()) {
    config.fields.refuse("stage", "one of " + joined(names, ", "), ErrorCode::kInvalidInput);
  }
  const auto data = std::make_shared<FolderTrainingData>(config);
  if (config.stage == kVaeStage) return std::make_unique<VaeStage>(config, device, data);
  if (config.stage == kVqStage) return std::make_unique<VqStage>(config, device, data);
  if (config.stage == kTransformerStage) {
    return std::make_unique<TransformerStage>(config, device, data);
  }
  return std::make_unique<GeneratorStage>(config, device, data);
}

int64_t train(const TrainingConfig& config,
              const at::Device& device,
              const LoopCallbacks& callbacks,
              int64_t max_memory_bytes,
              const StageMaker& make,
              Ranks* ranks) {
  std::unique_ptr<Stage> stage;
  try {
    stage = make(config, device);
  } catch (const Error& error) {
    throw with_line(error, config.fields.source());
  }
  config.refuse_unread();
  OneRank alone;
  Ranks& together = ranks == nullptr ? alone : *ranks;
  require_divisible(*stage, config.loop, together);
  if (callbacks.warn) {
    for (const auto& warning : *config.warnings) callbacks.warn(warning);
  }
  if (device.is_cpu()) require_memory(stage->modules(), config.working_type(), max_memory_bytes);
  const bool leads = together.rank() == 0;
  std::optional<RunFolder> folder;
  if (leads) folder.emplace(config.run);
  MixedPrecisionAdamW weights(stage->modules(), config.working_type(), device, config.optimizer);
  auto with_start = callbacks;
  if (leads && config.start) {
    const auto start = std::make_shared<StartWeights>(*config.start, stage->modules());
    with_start.fill_weight = [start](const std::string& name, Tensor& weight) {
      return start->fill(name, weight);
    };
  }
  return run_training(
      *stage, weights, leads ? &*folder : nullptr, together, config.loop, with_start);
}

}  // namespace glm_image::train
