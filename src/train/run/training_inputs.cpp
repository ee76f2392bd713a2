#include "train/run/training_inputs.h"

#include "models/layout.h"
#include "train/config/stage_keys.h"
#include "train/config/stage_names.h"

namespace glm_image::train {

std::map<std::string, std::filesystem::path> training_inputs(const TrainingConfig& given) {
  auto config = given;
  // The stage reports the warnings about its keys.
  config.warnings = std::make_shared<std::vector<std::string>>();
  std::map<std::string, std::filesystem::path> inputs = {{"data", config.data},
                                                         {"model", config.model}};
  if (config.stage == kTransformerStage) {
    const auto keys = config.read_stage<TransformerKeys>();
    inputs["vae"] = config.in_run(keys.vae) / models::kVae;
    inputs["vq"] = config.in_run(keys.vq);
  } else if (config.stage == kGeneratorStage) {
    const auto keys = config.read_stage<GeneratorKeys>();
    inputs["vocabulary"] = config.in_run(keys.vocabulary) / models::kProcessor;
    inputs["vq"] = config.in_run(keys.vq);
  } else if (config.start) {
    // A frozen encoder, and the initial codes.
    inputs["start"] =
        *config.start / (config.stage == kVaeStage ? models::kVae : models::kVisionLanguage);
  }
  return inputs;
}

}  // namespace glm_image::train
