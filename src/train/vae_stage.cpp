#include "train/vae_stage.h"

#include <cmath>

#include "core/random.h"
#include "image/contact_sheet.h"
#include "train/component_files.h"
#include "train/initialise.h"
#include "train/picture_batch.h"
#include "train/sample_rows.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

constexpr uint64_t kNoisePurpose = 1;

/// Differences to the right and below.
std::pair<Tensor, Tensor> edges(const Tensor& x) {
  return {x.narrow(3, 1, x.size(3) - 1) - x.narrow(3, 0, x.size(3) - 1),
          x.narrow(2, 1, x.size(2) - 1) - x.narrow(2, 0, x.size(2) - 1)};
}

}  // namespace

VaeStage::VaeStage(const TrainingConfig& config, const at::Device& device)
    : PosterStage(config, device) {
  const auto fields = config.fields.required_object("vae");
  weights_.squared = fields.optional_double("squared_weight", 1, 0, 1e3);
  weights_.edge = fields.optional_double("edge_weight", 1, 0, 1e3);
  weights_.kl = fields.optional_double("kl_weight", 1e-3, 0, 1e3);
  weights_.items.text = fields.optional_double("text_weight", 3, 1, 1e3);
  weights_.items.marked_letter = fields.optional_double("marked_letter_weight", 0, 0, 1e3);
  latent_noise_ = fields.optional_double("latent_noise", 0, 0, 10);
  const auto component = io::JsonFields::load(config.model / "vae" / "config.json");
  keep_encoder_ = fields.optional_bool("keep_encoder", false);
  // A frozen encoder is always float32, as in inference. The optimizer gives the trained parameters
  // the working type.
  encoder_type_ = keep_encoder_ ? at::kFloat : config.working_type();
  model_ = models::AutoencoderKL(models::AutoencoderConfig::from_json(component),
                                 at::TensorOptions().dtype(encoder_type_).device(device));
  if (!keep_encoder_) return;
  if (!config.start) fields.refuse("keep_encoder", "false without start, whose encoder it keeps");
  load_component(*config.start / "vae", *model_, device, encoder_type_);
}

std::vector<TrainedModule> VaeStage::modules() {
  TrainedModule trained{"vae", model_.get(), {}, "vae"};
  if (keep_encoder_) {
    for (const auto& name : model_->named_parameters().keys()) {
      const auto begins = [&](const char* part) { return name.rfind(part, 0) == 0; };
      if (begins("encoder.") || begins("quant_conv.")) trained.left_out.push_back(name);
    }
  }
  return {trained};
}

void VaeStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  initialise_weight(name, weight, random);
}

Batch VaeStage::make_batch(int64_t step, PosterFeed& feed) const {
  const auto& size = config_.size_at(step);
  std::vector<Image> images;
  std::vector<Tensor> weights;
  for (int64_t i = 0; i < config_.batch; ++i) {
    auto example = feed.example(config_.example_at(step, i), size.width, size.height);
    weights.push_back(cell_weights(example, weights_.items, /*cell=*/1));
    images.push_back(std::move(example.image));
  }
  return {{"pictures", picture_batch(images).contiguous(at::MemoryFormat::ChannelsLast)},
          {"weights", at::stack(weights)}};
}

Tensor VaeStage::on_device(const Tensor& pictures, at::ScalarType type) const {
  // Channels last: the layout in which oneDNN's convolutions and our group norm need no copies.
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

Outcome VaeStage::forward(const Batch& batch, int64_t step) {
  const auto pictures = batch.at("pictures").to(device_), weights = batch.at("weights").to(device_);
  const auto posterior = [&] {
    const at::AutoGradMode gradients(/*enabled=*/!keep_encoder_);
    return model_->encode(on_device(pictures, encoder_type_));
  }();
  const auto mean = posterior.mean.to(at::kFloat);
  const auto log_variance = posterior.log_variance.to(at::kFloat);
  auto random = make_random(mix_seed(config_.seed, kNoisePurpose, step));
  const auto noise = at::randn(mean.sizes(), random, at::kFloat).to(device_);
  auto latents = mean + (0.5 * log_variance).exp() * noise;
  if (latent_noise_ > 0) {
    const auto strength =
        at::rand({mean.size(0), 1, 1, 1}, random, at::TensorOptions(at::kFloat)).to(device_);
    const auto more = at::randn(mean.sizes(), random, at::kFloat).to(device_);
    const auto deviation = mean.detach().std({0, 2, 3}, /*unbiased=*/true, /*keepdim=*/true);
    latents = latents + latent_noise_ * strength * deviation * more;
  }
  const auto decoded = model_->decode(latents.to(config_.working_type())).to(at::kFloat);

  const auto difference = decoded - pictures;
  const auto absolute = (weights * difference.abs()).mean();
  const auto squared = (weights * difference.square()).mean();
  const auto [across, down] = edges(difference);
  const auto edge = (weights.narrow(3, 1, across.size(3)) * across.abs()).mean() +
                    (weights.narrow(2, 1, down.size(2)) * down.abs()).mean();
  const auto kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean();
  const auto loss = absolute + weights_.squared * squared + weights_.edge * edge + weights_.kl * kl;
  const auto error = difference.detach().square().mean();
  return {loss, {{"psnr", 10 * (4 / error).log10()}, {"kl", kl.detach()}, {"edge", edge.detach()}}};
}

Image VaeStage::sample_sheet() {
  auto feed = feed_.another();
  const auto model = as_written();
  std::vector<std::vector<Image>> rows;
  for (const auto& row : sample_rows(config_.sizes, /*pictures=*/5)) {
    std::vector<Image> originals, copies;
    for (int64_t i = 0; i < row.pictures; ++i) {
      auto image =
          feed.example(row.first + i, row.width, row.height, posters::Split::kEvaluation).image;
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
  constexpr int64_t kPosters = 128;
  auto feed = feed_.another();
  const auto model = as_written();
  std::vector<Tensor> means;
  for (int64_t i = 0; i < kPosters; ++i) {
    const auto& size = config_.size_at(i);
    const auto image = feed.example(i, size.width, size.height).image;
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
  const auto& latents_of = keep_encoder_ ? *config_.start : config_.model;
  auto component_config = io::read_json_file(latents_of / "vae" / "config.json");
  if (!keep_encoder_) measure_latents(component_config);
  write_component(folder / "vae", component_config, *model_, "diffusion_pytorch_model.safetensors");
}

}  // namespace glm_image::train
