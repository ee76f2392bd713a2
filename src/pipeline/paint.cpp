#include "pipeline/paint.h"

#include "core/error.h"
#include "core/random.h"
#include "models/transformer/patches.h"
#include "pipeline/preview.h"
#include "pipeline/weight_progress.h"

namespace glm_image::pipeline {
namespace {

/// Ids of a grid, one per latent patch: every token is repeated along both sides. [1, patches]
Tensor patch_ids(const TokenGrid& grid, int64_t patches_per_token, const at::Device& device) {
  const auto ids = torch::tensor(grid.tokens).view({1, grid.height, grid.width});
  return models::repeat_over_patches(ids, patches_per_token).to(device);
}

/// Evaluates the DiT for one picture, with and without its condition.
class Denoiser {
 public:
  Denoiser(const Checkpoint& checkpoint,
           models::GlmImageTransformer2DModel model,
           const PaintInput& input)
      : checkpoint_(checkpoint), model_(std::move(model)), input_(input) {}

  /// Runs the condition pictures through the DiT once and keeps their keys and values.
  void read_conditions(const std::vector<TokenGrid>& tokens) {
    cache_ = std::make_unique<models::ConditionCache>(checkpoint_.transformer.num_layers);
    for (size_t k = 0; k < input_.condition_latents.size(); ++k) {
      const auto& latents = input_.condition_latents[k];
      const int64_t factor = checkpoint_.autoencoder.scale_factor();
      auto condition =
          common_input(latents, tokens.at(k), latents.size(2) * factor, latents.size(3) * factor);
      // No text tokens, timestep 0.
      condition.glyphs = input_.glyphs.empty.narrow(1, 0, 0);
      condition.prior_drop = flag(false);
      condition.timestep = number(0);
      condition.write = cache_.get();
      model_->forward(condition);
    }
  }

  Tensor velocity(const Tensor& latents,
                  const TokenGrid& picture,
                  float timestep,
                  RunMonitor& monitor) {
    auto input = common_input(latents, picture, input_.height, input_.width);
    input.timestep = number(timestep);
    input.glyphs = input_.glyphs.texts;
    input.prior_drop = flag(false);
    input.read = cache_.get();
    auto conditional = model_->forward(input).to(at::kFloat);
    monitor.observe("dit.cond", conditional[0]);
    if (input_.guidance == 1.0) return conditional;

    input.glyphs = input_.glyphs.empty;
    input.prior_drop = flag(true);
    input.read = nullptr;
    const auto unconditional = model_->forward(input).to(at::kFloat);
    monitor.observe("dit.uncond", unconditional[0]);
    return diffusion::guide(conditional, unconditional, input_.guidance);
  }

 private:
  Tensor flag(bool value) const { return at::full({1}, value, at::kBool).to(device()); }
  Tensor number(float value) const { return at::full({1}, value, at::kFloat).to(device()); }
  const at::Device& device() const { return checkpoint_.placement().device; }

  models::TransformerInput common_input(const Tensor& latents,
                                        const TokenGrid& tokens,
                                        int64_t height,
                                        int64_t width) const {
    models::TransformerInput input;
    input.latents = latents.to(device());
    input.prior_ids = patch_ids(tokens, checkpoint_.patches_per_token(), device());
    input.target_size = torch::tensor({static_cast<float>(height), static_cast<float>(width)})
                            .view({1, 2})
                            .to(device());
    input.crop = at::zeros({1, 2}).to(device());
    return input;
  }

  const Checkpoint& checkpoint_;
  models::GlmImageTransformer2DModel model_;
  const PaintInput& input_;
  std::unique_ptr<models::ConditionCache> cache_;
};

}  // namespace

std::vector<Tensor> paint(const Checkpoint& checkpoint,
                          const PaintInput& input,
                          RunMonitor& monitor,
                          Previewer* previewer) {
  Denoiser denoiser(checkpoint, checkpoint.load_transformer(weight_progress(monitor)), input);
  const int64_t factor = checkpoint.autoencoder.scale_factor();
  const int64_t rows = input.height / factor, columns = input.width / factor;
  const int64_t patch = checkpoint.transformer.patch_size;
  const auto schedule =
      diffusion::make_schedule(checkpoint.scheduler, input.steps, rows * columns / (patch * patch));
  const auto pictures = static_cast<int64_t>(input.compositions.size());

  monitor.begin(Stage::kDenoising, pictures * input.steps);
  if (!input.condition_latents.empty()) {
    denoiser.read_conditions(input.compositions.front().conditions);
  }
  std::vector<Tensor> painted;
  for (int64_t picture = 0; picture < pictures; ++picture) {
    auto random = make_random(input.seeds[picture]);
    auto latents = at::randn({1, checkpoint.transformer.in_channels, rows, columns},
                             random,
                             at::TensorOptions(at::kFloat))
                       .to(checkpoint.placement().device);
    monitor.observe("latents.initial", latents[0]);
    for (int64_t i = 0; i < input.steps; ++i) {
      const auto velocity = denoiser.velocity(
          latents, input.compositions[picture].picture, schedule.timesteps[i], monitor);
      const bool look = previewer != nullptr && previewer->wants_estimate(i + 1);
      const auto expected =
          look ? diffusion::expected_clean(latents, velocity, schedule, i) : Tensor();
      latents = diffusion::euler_step(latents, velocity, schedule, i);
      monitor.observe("latents.steps", latents[0]);
      monitor.step(picture * input.steps + i + 1, picture);
      if (look) previewer->show_estimate(expected, picture, monitor);
    }
    painted.push_back(latents);
  }
  return painted;
}

std::vector<Tensor> encode_conditions(const Checkpoint& checkpoint,
                                      const std::vector<ConditionPicture>& conditions,
                                      RunMonitor& monitor) {
  const auto model = checkpoint.load_autoencoder(weight_progress(monitor));
  monitor.begin(Stage::kReadingPictures, static_cast<int64_t>(conditions.size()));
  std::vector<Tensor> latents;
  for (const auto& condition : conditions) {
    const auto picture = picture_tensor(condition.image).to(checkpoint.placement().device);
    latents.push_back(model->normalise(model->encode(picture).mean));
    monitor.observe("vae.condition_latent", latents.back()[0]);
    monitor.step(static_cast<int64_t>(latents.size()));
  }
  return latents;
}

std::vector<Image> decode(const Checkpoint& checkpoint,
                          const std::vector<Tensor>& latents,
                          RunMonitor& monitor) {
  const auto model = checkpoint.load_autoencoder(weight_progress(monitor));
  monitor.begin(Stage::kDecoding, static_cast<int64_t>(latents.size()));
  std::vector<Image> images;
  for (const auto& latent : latents) {
    const auto decoded = model->decode(model->denormalise(latent));
    const auto picture = (decoded / 2 + 0.5).clamp(0, 1)[0];
    if (!picture.isfinite().all().item<bool>()) {
      fail(
          ErrorCode::kInternal,
          "the picture came out as numbers that are not finite; try --dtype float32, and check the "
          "checkpoint's files");
    }
    monitor.observe("image", picture);
    images.push_back(to_image(picture));
    monitor.step(static_cast<int64_t>(images.size()));
  }
  return images;
}

}  // namespace glm_image::pipeline
