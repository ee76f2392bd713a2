#include "train/stages/vae_stage.h"

#include <cmath>

#include "core/prefix.h"
#include "core/random.h"
#include "image/contact_sheet.h"
#include "models/layout.h"
#include "train/batch/picture_batch.h"
#include "train/seeds.h"
#include "train/stages/sample_rows.h"
#include "train/weights/component_files.h"
#include "train/weights/initialise.h"

namespace glm_image::train {
VaeStage::VaeStage(const TrainingConfig& config,
                   const at::Device& device,
                   std::shared_ptr<const TrainingData> data)
    : DataStage(config, device, std::move(data)), keys_(config.read_stage<VaeKeys>()) {
  const auto component = io::JsonFields::load(config.model / models::kVae / "config.json");
  // A frozen encoder is always float32, as in inference. The optimizer converts the trained
  // parameters to the working type.
  const auto encoder_type = keys_.keep_encoder ? at::kFloat : config.working_type();
  model_ = models::AutoencoderKL(models::AutoencoderConfig::from_json(component),
                                 at::TensorOptions().dtype(encoder_type).device(device));
  const VaeReconstructionWeights weights{
      /*absolute=*/1, keys_.squared_weight, keys_.edge_weight, keys_.kl_weight};
  objective_.emplace(
      model_,
      VaeReconstructionOptions{
          weights, encoder_type, config.working_type(), /*train_encoder=*/!keys_.keep_encoder});
  if (!keys_.keep_encoder) return;
  if (!config.start) {
    config.stage_fields().refuse("keep_encoder", "false unless start provides the encoder");
  }
  load_component(*config.start / models::kVae, *model_, device, encoder_type);
}

std::vector<TrainedModule> VaeStage::modules() {
  TrainedModule trained{models::kVae, model_.get(), {}, models::kVae};
  if (keys_.keep_encoder) {
    for (const auto& name : model_->named_parameters().keys()) {
      if (starts_with(name, "encoder.") || starts_with(name, "quant_conv.")) {
        trained.frozen.push_back(name);
      }
    }
  }
  return {trained};
}

void VaeStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  initialise_weight(name, weight, random);
}

Batch VaeStage::make_batch(int64_t batch_index, ExampleReader& reader) const {
  std::vector<Image> images;
  std::vector<Tensor> weights;
  auto examples = reader.batch(batch_index);
  const auto share = keep_own(examples);
  for (const auto& example : examples) {
    const auto of_pixels = example->loss_weights(/*cell=*/1);
    if (of_pixels.defined()) weights.push_back(of_pixels);
    images.push_back(example->picture(example->size));
  }
  Batch batch{{"pictures", picture_batch(images).contiguous(at::MemoryFormat::ChannelsLast)}};
  if (!weights.empty()) batch.emplace("weights", at::stack(weights));
  keep_total(share, batch);
  return batch;
}

Tensor VaeStage::on_device(const Tensor& pictures, at::ScalarType type) const {
  // Channels last is the layout that oneDNN's convolutions and our group norm use without copies.
  return pictures.to(device_).to(
      type, /*non_blocking=*/false, /*copy=*/false, at::MemoryFormat::ChannelsLast);
}

models::AutoencoderKL VaeStage::as_written() const {
  models::AutoencoderKL copy(model_->config(), at::TensorOptions(at::kFloat).device(device_));
  const auto weights = model_->named_parameters();
  for (auto& item : copy->named_parameters()) {
    item.value().set_data(weights[item.key()].detach().to(at::kBFloat16).to(at::kFloat));
  }
  return copy;
}

Outcome VaeStage::forward(const Batch& batch, int64_t batch_index) {
  VaeReconstructionBatch examples;
  examples.pictures = batch.at("pictures").to(device_);
  if (batch.count("weights") > 0) examples.weights = batch.at("weights").to(device_);
  const int64_t factor = model_->config().scale_factor();
  const auto share = own_share(batch, examples.pictures.size(0));
  const std::vector<int64_t> latents = {share.total(),
                                        model_->config().latent_channels,
                                        examples.pictures.size(2) / factor,
                                        examples.pictures.size(3) / factor};
  auto random = make_random(mix_seed(config_.seed, kVaeNoisePurpose, batch_index));
  const at::TensorOptions wide(at::kFloat);
  examples.noise = share.cut(at::randn(latents, random, wide)).to(device_);
  if (keys_.latent_noise > 0) {
    const auto strength = keys_.latent_noise * at::rand({latents[0], 1, 1, 1}, random, wide);
    examples.latent_noise = share.cut(strength * at::randn(latents, random, wide)).to(device_);
    examples.all_rows = [&share](const Tensor& own) { return share.all_rows(own); };
  }
  const auto result = objective_->loss(examples);
  // All terms are plain means over elements, and all rows have the same number of elements.
  return {share.part_of(result.loss),
          {{"psnr", 10 * (4 / share.mean_of_all(result.mean_square)).log10()},
           {"kl", result.kl.detach()},
           {"edge", result.edge.detach()}},
          share.weight()};
}

Image VaeStage::sample_sheet() {
  const auto reader = data_->reader();
  const auto model = as_written();
  std::vector<std::vector<Image>> rows;
  for (const auto& row : sample_rows(data_->sizes(), /*pictures=*/5)) {
    std::vector<Image> originals, copies;
    for (int64_t i = 0; i < row.pictures; ++i) {
      const PictureSize size{row.width, row.height};
      auto image = reader->sample(row.first + i, size)->picture(size);
      const auto pictures = on_device(picture_batch({image}), at::kFloat);
      copies.push_back(picture_of(model->decode(model->encode(pictures).mean)[0]));
      originals.push_back(std::move(image));
    }
    rows.push_back(std::move(originals));
    rows.push_back(std::move(copies));
  }
  return image::contact_sheet(rows);
}

void VaeStage::measure_latents(nlohmann::json& component_config) {
  constexpr int64_t kExamples = 128;
  const auto reader = data_->reader();
  const auto model = as_written();
  std::vector<Tensor> means;
  for (int64_t i = 0; i < kExamples; ++i) {
    const auto example = reader->example(i);
    const auto image = example->picture(example->size);
    const auto mean = model->encode(on_device(picture_batch({image}), at::kFloat)).mean;
    means.push_back(mean.to(at::kCPU).to(at::kDouble)[0].flatten(1));
  }
  const auto values = at::cat(means, 1);  // [C, cells]
  const auto mean = values.mean(1), deviation = values.std(1, /*unbiased=*/true);
  std::vector<double> latents_mean, latents_std;
  for (int64_t c = 0; c < values.size(0); ++c) {
    latents_mean.push_back(mean[c].item<double>());
    latents_std.push_back(deviation[c].item<double>());
  }
  component_config["latents_mean"] = latents_mean;
  component_config["latents_std"] = latents_std;
}

void VaeStage::write_components(const std::filesystem::path& folder) {
  const auto& latents_of = keys_.keep_encoder ? *config_.start : config_.model;
  auto component_config = io::read_json_file(latents_of / models::kVae / "config.json");
  if (!keys_.keep_encoder) measure_latents(component_config);
  write_component(folder / models::kVae, component_config, *model_, models::kDiffusersWeights);
}

}  // namespace glm_image::train
