// The trainer's objectives, as its stages call them, against PyTorch's autograd on the same
// checkpoint (float32, with the fused kernels): the loss and the norm of every parameter's
// gradient.

#include <torch/csrc/autograd/autograd.h>

#include "io/weight_binding.h"
#include "support/reference.h"
#include "train/objectives/flow_matching.h"
#include "train/objectives/token_prediction.h"
#include "train/objectives/vae_reconstruction.h"

namespace glm_image::test {
namespace {

/// Gradients pass through more roundings than values (kStageTolerance).
constexpr double kGradientTolerance = 1e-3;

io::JsonFields config_of(const std::string& component) {
  return io::JsonFields::load(tiny_model_dir() / component / "config.json");
}

template <typename Module>
void bind(Module& module, const std::string& component, at::ScalarType type = at::kFloat) {
  io::BindingOptions options;
  options.dtype = type;
  io::bind_weights(*module, io::WeightSet::open(tiny_model_dir() / component), options);
  for (auto& parameter : module->parameters()) parameter.requires_grad_(true);
}

class GradientReference : public testing::Test {
 protected:
  Tensor recorded(const std::string& name) const { return file_->tensor(name); }

  void expect_loss(const std::string& name, const Tensor& loss) const {
    EXPECT_LE(relative_error(loss.detach().reshape({1}), recorded(name)), kGradientTolerance)
        << name;
  }

  /// Compares all norms recorded under `prefix`; `module` must have exactly these gradients.
  void expect_norms(const std::string& prefix, const torch::nn::Module& module) const {
    size_t compared = 0, expected = 0;
    for (const auto& [name, entry] : file_->header().tensors) {
      if (name.rfind(prefix, 0) == 0) ++expected;
    }
    for (const auto& item : module.named_parameters()) {
      if (!item.value().grad().defined()) continue;
      SCOPED_TRACE(prefix + item.key());
      ASSERT_EQ(file_->header().tensors.count(prefix + item.key()), 1U);
      const double norm = item.value().grad().to(at::kDouble).norm().item<double>();
      const double reference = recorded(prefix + item.key()).item<double>();
      EXPECT_NEAR(norm, reference, kGradientTolerance * reference + kNoGradient);
      ++compared;
    }
    EXPECT_EQ(compared, expected) << prefix;
    EXPECT_GT(expected, 0U);
  }

 private:
  /// Gradients that are exactly zero, e.g. of a key's bias, consist of rounding errors.
  static constexpr double kNoGradient = 1e-7;

  std::shared_ptr<const io::SafetensorsFile> file_ =
      io::SafetensorsFile::open(tiny_dir() / "train_t2i_square.safetensors");
};

TEST_F(GradientReference, DecoderAndGlyphEncoder) {
  models::T5EncoderModel glyph_encoder(models::T5Config::from_json(config_of("text_encoder")),
                                       at::kFloat);
  models::GlmImageTransformer2DModel transformer(
      models::TransformerConfig::from_json(config_of("transformer")), at::kFloat);
  bind(glyph_encoder, "text_encoder");
  bind(transformer, "transformer");

  const auto glyph_ids = recorded("decoder.glyph_ids").unsqueeze(0);
  train::FlowMatchingBatch batch;
  batch.clean = recorded("decoder.latent").unsqueeze(0);
  batch.noise = recorded("decoder.noise").unsqueeze(0);
  batch.timestep = recorded("decoder.timestep");
  batch.sigma = recorded("decoder.sigma");
  batch.prior_ids = recorded("decoder.prior_ids").unsqueeze(0);
  batch.drop = at::zeros({1}, at::kBool);
  batch.crop = at::zeros({1, 2});
  batch.glyphs = {glyph_ids,
                  at::ones(glyph_ids.sizes(), at::kBool),
                  at::arange(glyph_ids.size(1)).unsqueeze(0),
                  at::ones(glyph_ids.sizes(), at::kBool)};
  batch.sizes = at::full({1, 2}, 128, at::kFloat);
  // Keeping the blocks' outputs for auxiliary heads does not change the loss.
  train::FlowMatchingOptions options;
  options.keep_blocks = true;
  const auto result = train::FlowMatching(transformer, glyph_encoder, options).loss(batch);
  EXPECT_EQ(result.blocks.size(), static_cast<size_t>(transformer->config().num_layers));
  const auto loss = result.loss;
  loss.backward();
  expect_loss("decoder.loss", loss);
  expect_norms("decoder.grad_norm.", *transformer);
  expect_norms("glyph.grad_norm.", *glyph_encoder);
}

/// The recorded sequence: each id after the prompt is predicted from the previous ones.
train::TokenPredictionBatch recorded_sequence(const Tensor& ids,
                                              const Tensor& positions,
                                              int64_t prompt_tokens) {
  const int64_t drawn = ids.size(0) - prompt_tokens;
  return {ids.unsqueeze(0),
          positions.unsqueeze(1),
          at::arange(prompt_tokens - 1, prompt_tokens - 1 + drawn).unsqueeze(0),
          ids.narrow(0, prompt_tokens, drawn).unsqueeze(0)};
}

TEST_F(GradientReference, Generator) {
  models::GlmImageForConditionalGeneration model(
      models::VisionLanguageConfig::from_json(config_of("vision_language_encoder")), at::kFloat);
  bind(model, "vision_language_encoder");
  auto batch = recorded_sequence(recorded("generator.input_ids"),
                                 recorded("generator.position_ids"),
                                 recorded("generator.prompt_tokens").item<int64_t>());
  const auto plain = train::TokenPrediction(model).loss(batch).loss;
  // Keeping hidden states for auxiliary heads and weights of 1 does not change the loss.
  train::TokenPredictionOptions options;
  options.taps = {1, 2};
  batch.weights = at::ones(batch.targets.sizes());
  const auto loss = train::TokenPrediction(model, options).loss(batch).loss;
  EXPECT_LE(relative_error(plain, loss), 1e-6);
  loss.backward();
  expect_loss("generator.loss", loss);
  expect_norms("generator.grad_norm.", *model);
}

TEST_F(GradientReference, Autoencoder) {
  models::AutoencoderKL model(models::AutoencoderConfig::from_json(config_of("vae")), at::kFloat);
  bind(model, "vae");
  // The layout used in training, for which the group norm has a fused gradient.
  train::VaeReconstructionBatch batch;
  batch.pictures =
      (2 * recorded("vae.image") - 1).unsqueeze(0).contiguous(at::MemoryFormat::ChannelsLast);
  train::VaeReconstructionOptions options;
  options.weights = {/*absolute=*/0, /*squared=*/1, /*edge=*/0, /*kl=*/0.001};
  const auto result = train::VaeReconstruction(model, options).loss(batch);
  const auto kl = result.kl, loss = result.loss;
  loss.backward();
  expect_loss("vae.kl", kl);
  expect_loss("vae.loss", loss);
  expect_norms("vae.grad_norm.", *model);
}

TEST_F(GradientReference, AStepIsDeterministic) {
  const auto step = [&] {
    models::GlmImageForConditionalGeneration model(
        models::VisionLanguageConfig::from_json(config_of("vision_language_encoder")),
        at::kBFloat16);
    bind(model, "vision_language_encoder", at::kBFloat16);
    const auto batch = recorded_sequence(recorded("generator.input_ids"),
                                         recorded("generator.position_ids"),
                                         recorded("generator.prompt_tokens").item<int64_t>());
    train::TokenPrediction(model).loss(batch).loss.backward();
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> weights;
    for (auto& parameter : model->language_model->parameters()) {
      weights.push_back(parameter.detach() - 0.5 * parameter.grad());
    }
    return weights;
  };
  const auto first = step(), second = step();
  ASSERT_EQ(first.size(), second.size());
  EXPECT_EQ(first.front().scalar_type(), at::kBFloat16);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(at::equal(first[i], second[i])) << i;
}

}  // namespace
}  // namespace glm_image::test
