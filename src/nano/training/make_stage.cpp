#include "nano/training/make_stage.h"

#include "nano/training/poster_generator.h"
#include "nano/training/poster_transformer.h"
#include "nano/training/teacher_vq_stage.h"
#include "train/config/stage_names.h"
#include "train/stages/generator_stage.h"
#include "train/stages/transformer_stage.h"
#include "train/stages/vae_stage.h"
#include "train/train.h"

namespace glm_image::nano {
namespace {

std::unique_ptr<train::Stage> make_vae(const train::TrainingConfig& config,
                                       const at::Device& device) {
  const auto keys = config.read_stage<PosterVaeKeys>();
  ItemWeights weights;
  weights.text = keys.text_pixel_weight;
  weights.marked_letter = keys.marked_letter_pixel_weight;
  return std::make_unique<train::VaeStage>(
      config, device, std::make_shared<PosterTrainingData>(config, weights));
}

std::unique_ptr<train::Stage> make_transformer(const train::TrainingConfig& config,
                                               const at::Device& device) {
  const auto keys = config.read_stage<PosterTransformerKeys>();
  const ItemWeights weights{
      keys.text_latent_weight, keys.pictogram_latent_weight, keys.marked_letter_latent_weight};
  const auto data = std::make_shared<PosterTrainingData>(config, weights);
  const auto vq = config.in_run(config.read_stage<train::TransformerKeys>().vq);
  return std::make_unique<train::TransformerStage>(
      config, device, data, [&](const train::TransformerParts& parts) {
        return std::make_unique<PosterTransformer>(config, data, keys, vq, device, parts);
      });
}

std::unique_ptr<train::Stage> make_generator(const train::TrainingConfig& config,
                                             const at::Device& device) {
  const auto keys = config.read_stage<PosterGeneratorKeys>();
  const auto folders = config.read_stage<train::GeneratorKeys>();
  const auto data = std::make_shared<PosterTrainingData>(config);
  return std::make_unique<train::GeneratorStage>(
      config, device, data, [&](const train::GeneratorParts& parts) {
        return std::make_unique<PosterGenerator>(config,
                                                 data,
                                                 keys,
                                                 config.in_run(folders.vq),
                                                 config.in_run(folders.vocabulary),
                                                 device,
                                                 parts);
      });
}

}  // namespace

bool is_poster_data(const std::filesystem::path& folder) {
  std::error_code error;
  return std::filesystem::exists(folder / "colours.json", error);
}

bool divides_batches(const train::TrainingConfig& config) {
  const bool has_auxiliary =
      config.stage == train::kTransformerStage || config.stage == train::kGeneratorStage;
  return !has_auxiliary || !is_poster_data(config.data);
}

std::vector<train::ExportedPart> exported_parts() {
  return {{train::kVqStage, kCodeTeacher}};
}

std::unique_ptr<train::Stage> make_stage(const train::TrainingConfig& config,
                                         const at::Device& device) {
  if (is_poster_data(config.data)) {
    if (config.stage == train::kVaeStage) return make_vae(config, device);
    if (config.stage == train::kVqStage) return std::make_unique<TeacherVqStage>(config, device);
    if (config.stage == train::kTransformerStage) return make_transformer(config, device);
    if (config.stage == train::kGeneratorStage) return make_generator(config, device);
  }
  return train::make_stage(config, device);
}

}  // namespace glm_image::nano
