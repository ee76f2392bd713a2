#include "pipeline/paint.h"

#include "core/error.h"
#include "core/random.h"
#include "diffusion/sampler.h"
#include "models/autoencoder/operations.h"
#include "models/transformer/patches.h"
#include "models/transformer/picture_input.h"
#include "pipeline/preview.h"
#include "pipeline/rank_group.h"
#include "pipeline/speed.h"
#include "pipeline/weight_progress.h"

namespace glm_image::pipeline {
namespace {

/// Returns the ids of a grid per latent patch, [1, patches]: tokens are repeated along both sides.
Tensor patch_ids(const TokenGrid& grid, int64_t patches_per_token, const at::Device& device) {
  const auto ids = torch::tensor(grid.tokens).view({1, grid.height, grid.width});
  return models::repeat_over_patches(ids, patches_per_token).to(device);
}

/// Evaluates the DiT for one picture, with classifier-free guidance.
class Denoiser {
 public:
  Denoiser(const Checkpoint& checkpoint,
           models::GlmImageTransformer2DModel model,
           const PaintInput& input,
           models::TokenShare* token_share)
      : checkpoint_(checkpoint),
        model_(std::move(model)),
        input_(input),
        token_share_(token_share) {}

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

  /// To be called before the first step of each picture.
  void begin_picture() { step_cache_.assign(2, models::StepCache(input_.step_cache)); }

  /// float32; an unconditional one sees the empty text and no visual tokens.
  Tensor velocity(const Tensor& latents,
                  const TokenGrid& picture,
                  float timestep,
                  bool is_conditional,
                  const RunMonitor& monitor) {
    auto input = common_input(latents, picture, input_.height, input_.width);
    input.timestep = number(timestep);
    input.glyphs = is_conditional ? input_.glyphs.texts : input_.glyphs.empty;
    input.prior_drop = flag(!is_conditional);
    input.read = is_conditional ? cache_.get() : nullptr;
    input.token_share = token_share_;
    if (input_.step_cache > 0) input.step_cache = &step_cache_[is_conditional ? 0 : 1];
    auto velocity = model_->forward(input).to(at::kFloat);
    monitor.observe(is_conditional ? "dit.cond" : "dit.uncond", velocity[0]);
    return velocity;
  }

 private:
  Tensor flag(bool value) const { return at::full({1}, value, at::kBool).to(device()); }
  Tensor number(float value) const { return at::full({1}, value, at::kFloat).to(device()); }
  const at::Device& device() const { return checkpoint_.placement().device; }

  models::TransformerInput common_input(const Tensor& latents,
                                        const TokenGrid& tokens,
                                        int64_t height,
                                        int64_t width) const {
    return models::picture_input(latents.to(device()),
                                 patch_ids(tokens, checkpoint_.patches_per_token(), device()),
                                 height,
                                 width);
  }

  const Checkpoint& checkpoint_;
  models::GlmImageTransformer2DModel model_;
  const PaintInput& input_;
  models::TokenShare* const token_share_;  ///< null without other ranks
  std::unique_ptr<models::ConditionCache> cache_;
  std::vector<models::StepCache> step_cache_;  ///< with the condition and without
};

}  // namespace

PaintInput draft_input(const std::vector<TokenGrid>& previews,
                       Glyphs glyphs,
                       std::vector<uint64_t> seeds,
                       std::vector<AdapterUse> adapters) {
  PaintInput input;
  input.height = previews.front().height * text::kTokenSide;
  input.width = previews.front().width * text::kTokenSide;
  input.steps = kDraftSteps;
  input.glyphs = std::move(glyphs);
  for (const auto& preview : previews) {
    input.compositions.emplace_back();
    input.compositions.back().picture = preview;
  }
  input.seeds = std::move(seeds);
  input.adapters = std::move(adapters);
  return input;
}

std::vector<Tensor> paint(const Checkpoint& checkpoint,
                          const PaintInput& input,
                          RunMonitor& monitor,
                          Previewer* previewer,
                          RankGroup* ranks) {
  Denoiser denoiser(
      checkpoint,
      input.transformer.is_empty()
          ? checkpoint.load_transformer(input.adapters, weight_progress(monitor), input.load)
          : input.transformer,
      input,
      ranks != nullptr ? ranks->tokens() : nullptr);
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
  const auto pair = ranks != nullptr ? ranks->pair() : diffusion::EvaluatePair();
  std::vector<Tensor> painted;
  for (int64_t picture = 0; picture < pictures; ++picture) {
    auto random = make_random(input.seeds[picture]);
    auto latents = at::randn({1, checkpoint.transformer.in_channels, rows, columns},
                             random,
                             at::TensorOptions(at::kFloat))
                       .to(checkpoint.placement().device);
    monitor.observe("latents.initial", latents[0]);
    denoiser.begin_picture();
    const auto velocity = [&](const Tensor& x, float timestep, bool is_conditional) {
      return denoiser.velocity(
          x, input.compositions[picture].picture, timestep, is_conditional, monitor);
    };
    const auto after_step = [&](const diffusion::SampledStep& step) {
      monitor.observe("latents.steps", step.after[0]);
      monitor.step(picture * input.steps + step.index + 1, picture);
      if (previewer == nullptr || !previewer->wants_estimate(step.index + 1)) return;
      previewer->show_estimate(
          diffusion::predicted_clean(step.before, step.velocity, schedule, step.index),
          picture,
          monitor);
    };
    latents =
        diffusion::sample(std::move(latents), schedule, input.sampling, velocity, after_step, pair);
    painted.push_back(latents);
  }
  return painted;
}

std::vector<Tensor> encode_conditions(const Checkpoint& checkpoint,
                                      const std::vector<ConditionPicture>& conditions,
                                      RunMonitor& monitor,
                                      const LoadPlan& load) {
  const auto model = checkpoint.load_autoencoder(weight_progress(monitor), load);
  monitor.begin(Stage::kReadingPictures,
                kStepsPerPicture * static_cast<int64_t>(conditions.size()));
  std::vector<Tensor> latents;
  for (const auto& condition : conditions) {
    const auto& image = condition.image;
    monitor.expect_work(
        models::encoding_operations(checkpoint.autoencoder, image.width, image.height),
        kStepsPerPicture);
    const auto picture = picture_tensor(image).to(checkpoint.placement().device);
    latents.push_back(model->normalise(model->encode(picture).mean));
    monitor.observe("vae.condition_latent", latents.back()[0]);
    monitor.step(kStepsPerPicture * static_cast<int64_t>(latents.size()));
  }
  return latents;
}

std::vector<Image> decode(const Checkpoint& checkpoint,
                          const std::vector<Tensor>& latents,
                          RunMonitor& monitor,
                          const LoadPlan& load) {
  const auto model = checkpoint.load_autoencoder(weight_progress(monitor), load);
  monitor.begin(Stage::kDecoding, kStepsPerPicture * static_cast<int64_t>(latents.size()));
  const int64_t factor = checkpoint.autoencoder.scale_factor();
  std::vector<Image> images;
  for (const auto& latent : latents) {
    monitor.expect_work(
        models::decoding_operations(
            checkpoint.autoencoder, latent.size(3) * factor, latent.size(2) * factor),
        kStepsPerPicture);
    const auto decoded = model->decode(model->denormalise(latent));
    const auto picture = (decoded / 2 + 0.5).clamp(0, 1)[0];
    if (!picture.isfinite().all().item<bool>()) {
      fail(ErrorCode::kInternal,
           "the generated picture has values that are not finite; try --dtype float32 and "
           "--vae-dtype float32, and check the checkpoint's files");
    }
    monitor.observe("image", picture);
    images.push_back(to_image(picture));
    monitor.step(kStepsPerPicture * static_cast<int64_t>(images.size()));
  }
  return images;
}

}  // namespace glm_image::pipeline
