// Every model of the toy checkpoint against the values that the reference recorded.

#include "diffusion/flow_match.h"
#include "io/weight_binding.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "models/generator/generation_model.h"
#include "models/glyph_encoder/t5_encoder.h"
#include "models/transformer/transformer_model.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

using models::AutoencoderConfig;
using models::AutoencoderKL;
using models::ConditionCache;
using models::GlmImageForConditionalGeneration;
using models::GlmImageTransformer2DModel;
using models::T5Config;
using models::T5EncoderModel;
using models::TransformerConfig;
using models::TransformerInput;
using models::VisionLanguageConfig;

class ReferenceModels : public testing::Test {
 protected:
  template <typename Module>
  static void bind(Module& module, const std::string& component) {
    io::bind_weights(*module, io::WeightSet::open(tiny_model_dir() / component), {});
  }
  static io::JsonFields config(const std::string& component) {
    return io::JsonFields::load(tiny_model_dir() / component / "config.json");
  }
  static GlmImageForConditionalGeneration generator(const VisionLanguageConfig& config) {
    GlmImageForConditionalGeneration model(config, at::kFloat);
    bind(model, "vision_language_encoder");
    return model;
  }

  const torch::NoGradGuard no_grad_;
};

TEST_F(ReferenceModels, GeneratorLogits) {
  const auto config = VisionLanguageConfig::from_json(this->config("vision_language_encoder"));
  auto model = generator(config);
  for (const auto& reference : reference_cases()) {
    if (reference.has("prior.source_token_ids"))
      continue;  // requires the vision encoder; tested below
    SCOPED_TRACE(reference.name());
    const auto ids = reference.tensor("ar.input_ids").unsqueeze(0);
    const int64_t tokens = ids.size(1);
    const auto positions = at::arange(tokens).expand({3, 1, tokens});
    nn::KeyValueCache cache(config.text.num_hidden_layers,
                            /*batch=*/1,
                            /*capacity=*/tokens + 8,
                            config.text.num_key_value_heads,
                            config.text.head_dim,
                            at::kFloat);
    const auto hidden = model->language_model->forward(ids, positions, &cache);
    EXPECT_LE(relative_error(model->logits(hidden[0][tokens - 1]),
                             reference.tensor("ar.prefill_logits_last")),
              kStageTolerance);
    const auto decode_logits = reference.tensor("ar.decode_logits");
    const auto generated = reference.tensor("ar.generated");
    const auto decode_positions = reference.tensor("ar.decode_position_ids");
    for (int64_t i = 0; i < decode_logits.size(0); ++i) {
      const auto step =
          model->language_model->forward(generated.narrow(0, i, 1).unsqueeze(0),
                                         decode_positions.narrow(1, i, 1).unsqueeze(1),
                                         &cache);
      EXPECT_LE(relative_error(model->logits(step[0][0]), decode_logits[i]), kStageTolerance)
          << "token " << i;
    }
  }
}

TEST_F(ReferenceModels, VisionFeaturesAndCodes) {
  auto model = generator(VisionLanguageConfig::from_json(config("vision_language_encoder")));
  for (const auto& reference : reference_cases()) {
    if (!reference.has("vit.features")) continue;
    SCOPED_TRACE(reference.name());
    const auto pixels = reference.tensor("ar.pixel_values");
    const auto grids = reference.tensor("ar.image_grid_thw");  // sources…, target
    int64_t begin = 0, begin_upsampled = 0;
    for (int64_t image = 0; image + 1 < grids.size(0); ++image) {
      const int64_t h = grids[image][1].item<int64_t>(), w = grids[image][2].item<int64_t>();
      const auto features =
          model->visual->forward(pixels.narrow(0, begin, h * w).unsqueeze(0), h, w)[0];
      EXPECT_LE(relative_error(features, reference.tensor("vit.features").narrow(0, begin, h * w)),
                kStageTolerance);
      const auto ids = model->vqmodel->encode(features).view({h, w});
      const auto upsampled = ids.repeat_interleave(2, 0).repeat_interleave(2, 1).flatten();
      EXPECT_TRUE(at::equal(
          upsampled,
          reference.tensor("prior.source_token_ids").narrow(0, begin_upsampled, 4 * h * w)));
      begin += h * w;
      begin_upsampled += 4 * h * w;
    }
  }
}

TEST_F(ReferenceModels, GlyphEncoderOnTheEmptyText) {
  T5EncoderModel model(T5Config::from_json(config("text_encoder")), at::kFloat);
  bind(model, "text_encoder");
  for (const auto& reference : reference_cases()) {
    const auto ids = torch::tensor(std::vector<int64_t>{1}).view({1, 1});
    const auto embeds = model->forward(ids, at::ones({1, 1}, at::kBool))[0];
    EXPECT_LE(relative_error(embeds, reference.tensor("glyph.negative_embeds")), kStageTolerance);
  }
}

TEST_F(ReferenceModels, TransformerAtTheFirstStep) {
  GlmImageTransformer2DModel model(TransformerConfig::from_json(config("transformer")), at::kFloat);
  bind(model, "transformer");
  for (const auto& reference : reference_cases()) {
    SCOPED_TRACE(reference.name());
    TransformerInput input;
    input.latents = reference.tensor("latents.initial").unsqueeze(0);
    input.glyphs = reference.tensor("glyph.embeds").unsqueeze(0);
    input.prior_ids = reference.tensor("prior.token_ids").unsqueeze(0);
    input.prior_drop = at::zeros({1}, at::kBool);
    input.timestep = reference.tensor("dit.timesteps").narrow(0, 0, 1);
    input.target_size = torch::tensor({{reference.request.at("height").get<float>(),
                                        reference.request.at("width").get<float>()}});
    input.crop = at::zeros({1, 2});

    ConditionCache cache(model->config().num_layers);
    int64_t begin = 0;
    for (int64_t k = 0; reference.has("vae.condition_latent_" + std::to_string(k)); ++k) {
      TransformerInput condition;
      condition.latents =
          reference.tensor("vae.condition_latent_" + std::to_string(k)).unsqueeze(0);
      const int64_t patches = condition.latents.size(2) * condition.latents.size(3) / 4;
      condition.glyphs = at::zeros({1, 0, input.glyphs.size(2)});
      condition.prior_ids =
          reference.tensor("prior.source_token_ids").narrow(0, begin, patches).unsqueeze(0);
      condition.prior_drop = at::zeros({1}, at::kBool);
      condition.timestep = at::zeros({1});
      condition.target_size =
          torch::tensor({{8.0F * static_cast<float>(condition.latents.size(2)),
                          8.0F * static_cast<float>(condition.latents.size(3))}});
      condition.crop = at::zeros({1, 2});
      condition.write = &cache;
      model->forward(condition);
      begin += patches;
    }
    input.read = &cache;
    EXPECT_LE(relative_error(model->forward(input)[0], reference.tensor("dit.step0_cond")),
              kStageTolerance);

    if (!reference.has("dit.step0_uncond")) continue;
    input.read = nullptr;
    input.glyphs = reference.tensor("glyph.negative_embeds").unsqueeze(0);
    input.prior_drop = at::ones({1}, at::kBool);
    EXPECT_LE(relative_error(model->forward(input)[0], reference.tensor("dit.step0_uncond")),
              kStageTolerance);
  }
}

TEST_F(ReferenceModels, AutoencoderDecodesTheLastLatents) {
  AutoencoderKL model(AutoencoderConfig::from_json(config("vae")), at::kFloat);
  bind(model, "vae");
  for (const auto& reference : reference_cases()) {
    SCOPED_TRACE(reference.name());
    const auto latents = reference.tensor("latents.steps")[-1].unsqueeze(0);
    const auto picture = (model->decode(model->denormalise(latents)) / 2 + 0.5).clamp(0, 1)[0];
    EXPECT_LE(relative_error(picture, reference.tensor("image")), kStageTolerance);
  }
}

TEST_F(ReferenceModels, Schedule) {
  const auto config = diffusion::FlowMatchConfig::from_json(
      io::JsonFields::load(tiny_model_dir() / "scheduler" / "scheduler_config.json"));
  for (const auto& reference : reference_cases()) {
    SCOPED_TRACE(reference.name());
    const int64_t tokens = reference.tensor("prior.token_ids").size(0);
    const auto schedule =
        diffusion::make_schedule(config, reference.request.at("steps").get<int64_t>(), tokens);
    EXPECT_LE(relative_error(torch::tensor(schedule.sigmas), reference.tensor("sched.sigmas")),
              1e-6);
    const auto calls = reference.tensor("dit.timesteps");
    const int64_t per_step = calls.size(0) / static_cast<int64_t>(schedule.timesteps.size());
    for (size_t i = 0; i < schedule.timesteps.size(); ++i) {
      EXPECT_EQ(calls[static_cast<int64_t>(i) * per_step].item<float>(), schedule.timesteps[i]);
    }
  }
}

}  // namespace
}  // namespace glm_image::test
