// Losses and the norm of every parameter's gradient against PyTorch's autograd on the same
// checkpoint (float32), with the fused kernels; and a bfloat16 step that comes out the same twice.

#include <torch/csrc/autograd/autograd.h>

#include "io/weight_binding.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "models/generator/generation_model.h"
#include "models/glyph_encoder/t5_encoder.h"
#include "models/transformer/transformer_model.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

/// Gradients pass through more roundings than values do (kStageTolerance).
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

  /// Every norm recorded under the prefix, no more and no fewer than `module` has gradients.
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
  /// Gradients that vanish exactly (of a key's bias, say: softmax does not see it) are rounding.
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

  const auto latent = recorded("decoder.latent").unsqueeze(0);
  const auto noise = recorded("decoder.noise").unsqueeze(0);
  const auto sigma = recorded("decoder.sigma");
  const auto ids = recorded("decoder.glyph_ids").unsqueeze(0);
  models::TransformerInput input;
  input.latents = (1 - sigma) * latent + sigma * noise;
  input.glyphs = glyph_encoder->forward(ids, at::ones(ids.sizes(), at::kBool));
  input.prior_ids = recorded("decoder.prior_ids").unsqueeze(0);
  input.prior_drop = at::zeros({1}, at::kBool);
  input.timestep = recorded("decoder.timestep");
  input.target_size = at::full({1, 2}, 128.0);
  input.crop = at::zeros({1, 2});
  const auto loss = (transformer->forward(input) - (noise - latent)).square().mean();
  loss.backward();
  expect_loss("decoder.loss", loss);
  expect_norms("decoder.grad_norm.", *transformer);
  expect_norms("glyph.grad_norm.", *glyph_encoder);
}

/// Mean cross-entropy of the ids from `prompt_tokens` on, each predicted from the one before.
Tensor generator_loss(const models::GlmImageForConditionalGeneration& model,
                      const Tensor& ids,
                      const Tensor& positions,
                      int64_t prompt_tokens) {
  const auto hidden = model->language_model->forward(
      ids.unsqueeze(0), positions.unsqueeze(1), /*cache=*/nullptr)[0];
  const int64_t drawn = ids.size(0) - prompt_tokens;
  return at::cross_entropy_loss(model->logits(hidden.narrow(0, prompt_tokens - 1, drawn)),
                                ids.narrow(0, prompt_tokens, drawn));
}

TEST_F(GradientReference, Generator) {
  models::GlmImageForConditionalGeneration model(
      models::VisionLanguageConfig::from_json(config_of("vision_language_encoder")), at::kFloat);
  bind(model, "vision_language_encoder");
  const auto loss = generator_loss(model,
                                   recorded("generator.input_ids"),
                                   recorded("generator.position_ids"),
                                   recorded("generator.prompt_tokens").item<int64_t>());
  loss.backward();
  expect_loss("generator.loss", loss);
  expect_norms("generator.grad_norm.", *model);
}

TEST_F(GradientReference, Autoencoder) {
  models::AutoencoderKL model(models::AutoencoderConfig::from_json(config_of("vae")), at::kFloat);
  bind(model, "vae");
  // The layout that training uses, for which the group norm has a fused gradient.
  const auto x =
      (2 * recorded("vae.image") - 1).unsqueeze(0).contiguous(at::MemoryFormat::ChannelsLast);
  const auto [mean, log_variance] = model->encode(x);
  const auto y = model->decode(mean);
  const auto kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean();
  const auto loss = (y - x).square().mean() + 0.001 * kl;
  loss.backward();
  expect_loss("vae.kl", kl);
  expect_loss("vae.loss", loss);
  expect_norms("vae.grad_norm.", *model);
}

TEST_F(GradientReference, AStepComesOutTheSameTwice) {
  const auto step = [&] {
    models::GlmImageForConditionalGeneration model(
        models::VisionLanguageConfig::from_json(config_of("vision_language_encoder")),
        at::kBFloat16);
    bind(model, "vision_language_encoder", at::kBFloat16);
    generator_loss(model,
                   recorded("generator.input_ids"),
                   recorded("generator.position_ids"),
                   recorded("generator.prompt_tokens").item<int64_t>())
        .backward();
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
