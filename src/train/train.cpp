#include "train/train.h"

#include "core/error.h"
#include "train/decoder_stage.h"
#include "train/generator_stage.h"
#include "train/start_weights.h"
#include "train/tokenizer_stage.h"
#include "train/vae_stage.h"
#include "train/vocabulary.h"

namespace glm_image::train {

const std::vector<std::string>& stage_names() {
  static const std::vector<std::string> names = {
      kVocabularyStage, "vae", "tokenizer", "decoder", "generator"};
  return names;
}

std::unique_ptr<Stage> make_stage(const TrainingConfig& config, const at::Device& device) {
  if (config.stage == "vae") return std::make_unique<VaeStage>(config, device);
  if (config.stage == "tokenizer") return std::make_unique<TokenizerStage>(config, device);
  if (config.stage == "decoder") return std::make_unique<DecoderStage>(config, device);
  if (config.stage == "generator") return std::make_unique<GeneratorStage>(config, device);
  std::string names;
  for (const auto& name : stage_names()) names += (names.empty() ? "" : ", ") + name;
  config.fields.refuse("stage", "one of " + names, ErrorCode::kInvalidInput);
}

int64_t train(const TrainingConfig& config,
              const at::Device& device,
              const LoopCallbacks& callbacks) {
  const auto stage = make_stage(config, device);
  config.refuse_unread();
  RunFolder folder(config.run);
  MasterWeights weights(stage->modules(), config.working_type(), device, config.optimizer);
  auto with_start = callbacks;
  if (config.start) {
    const auto start = std::make_shared<StartWeights>(*config.start, stage->modules());
    with_start.fill_weight = [start](const std::string& name, Tensor& weight) {
      return start->fill(name, weight);
    };
  }
  return run_training(*stage, weights, folder, config.loop, with_start);
}

}  // namespace glm_image::train
