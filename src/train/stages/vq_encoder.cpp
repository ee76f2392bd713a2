#include "train/stages/vq_encoder.h"

#include "core/random.h"
#include "models/generator/generation_model.h"
#include "models/layout.h"
#include "train/batch/picture_codes.h"
#include "train/seeds.h"
#include "train/weights/component_files.h"

namespace glm_image::train {
namespace {

constexpr int64_t kStepsBetweenRevivals = 10;
constexpr const char* kCodebook = "quantize.embedding.weight";

}  // namespace

VqEncoder::VqEncoder(const TrainingConfig& config, const at::Device& device, double codebook_decay)
    : model_(config.model), seed_(config.seed), device_(device) {
  if (config.loop.accumulate != 1) {
    config.fields.refuse("gradient_accumulation_steps",
                         "1 in this stage, which updates the codes after every batch");
  }
  const auto component =
      io::JsonFields::load(config.model / models::kVisionLanguage / "config.json");
  vision_config_ = models::VisionConfig::from_json(component.required_object("vision_config"));
  vq_config_ = models::VqConfig::from_json(component.required_object("vq_config"));
  image_settings_ = pipeline::ImageSettings::load(config.model / models::kProcessor);
  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  visual_ = models::GlmImageVisionModel(vision_config_, options);
  vqmodel_ = models::GlmImageVQModel(vq_config_, options);

  auto random = make_random(mix_seed(config.seed, kCodebookPurpose, 0));
  auto codes = at::randn(
      {vq_config_.num_embeddings, vq_config_.embed_dim}, random, at::TensorOptions(at::kFloat));
  if (config.start) {
    load_tokenizer_half(
        *config.start / models::kVisionLanguage, visual_, vqmodel_, device, config.working_type());
    codes = vqmodel_->codebook()->weight.detach().to(at::kCPU).to(at::kFloat).clone();
  }
  codebook_ = MovingCodebook(codes.to(device), codebook_decay);
  auto codebook = vqmodel_->codebook()->weight;
  codebook.set_data(codebook_.codes().to(config.working_type()));
}

std::vector<TrainedModule> VqEncoder::modules() {
  return {{"visual", visual_.get(), {}, models::kVisionLanguage, models::kVisualPrefix},
          {"vqmodel", vqmodel_.get(), {kCodebook}, models::kVisionLanguage, models::kVqPrefix}};
}

NamedTensors VqEncoder::state() {
  return {{"stage.code_sums", codebook_.sums()},
          {"stage.code_counts", codebook_.counts()},
          {"stage.codebook", vqmodel_->codebook()->weight}};
}

Tensor VqEncoder::patches(const Image& image) const {
  return pipeline::vision_patches(image_settings_,
                                  {image, text::target_grid(image.height, image.width)});
}

Tensor VqEncoder::vectors(const Tensor& patches, const text::Grid& grid) const {
  const auto features = visual_->forward(patches.to(device_), grid.height, grid.width);
  return vqmodel_->vectors(features.flatten(0, 1));
}

Tensor VqEncoder::nearest_codes(const Tensor& patches, const text::Grid& grid) const {
  const auto all = vqmodel_->codes();
  const auto ids = models::GlmImageVQModelImpl::nearest(vectors(patches, grid), all);
  return all.index_select(0, ids);
}

void VqEncoder::update_codes(const VqTokens& tokens,
                             const QuantisedTokens& quantised,
                             int64_t step) {
  auto random = make_random(mix_seed(seed_, kRevivalPurpose, step));
  codebook_.update(tokens, quantised, /*revive=*/step % kStepsBetweenRevivals == 0, random);
  vqmodel_->codebook()->weight.copy_(codebook_.codes());
}

void VqEncoder::write(const std::filesystem::path& folder) const {
  write_component(folder / models::kVisionLanguage,
                  io::read_json_file(model_ / models::kVisionLanguage / "config.json"),
                  *tokenizer_half(visual_, vqmodel_),
                  models::kTransformersWeights);
}

}  // namespace glm_image::train
