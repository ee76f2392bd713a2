// Prior preservation on the toy checkpoint: 0 without an effect of the updates, and otherwise the
// distance between a model with them and one without.

#include "train/objectives/prior_preservation.h"

#include <cmath>

#include "core/random.h"
#include "pipeline/checkpoint.h"
#include "support/reference.h"
#include "train/lora/trained_adapters.h"
#include "train/weights/mixed_precision_adamw.h"

namespace glm_image::test {
namespace {

pipeline::Checkpoint toy() {
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  return pipeline::Checkpoint::open(tiny_model_dir(), options);
}

/// Updates of a module, as a run begins with them: without an effect.
struct Updates {
  Updates(torch::nn::Module& base, const std::string& prefix, std::vector<std::string> endings)
      : adapters(base, {/*rank=*/4, /*alpha=*/8, {prefix}, std::move(endings)}),
        weights({{"updates", &adapters.module(), {}, ""}}, at::kFloat, at::kCPU, {}) {
    auto random = make_random(11);
    weights.initialise([&](const std::string& name, Tensor& weight) {
      train::TrainedAdapters::initialise(name, weight, random);
    });
  }
  void randomise() {
    auto random = make_random(12);
    weights.initialise([&](const std::string&, Tensor& weight) {
      weight.copy_(at::randn(weight.sizes(), random, at::TensorOptions(at::kFloat)) / 4);
    });
  }
  /// The norm of the loss's gradient.
  double gradient_norm(const Tensor& loss) {
    loss.backward();
    weights.accumulate(1);
    const double norm = weights.gradient_norm();
    weights.drop_gradients();
    return norm;
  }

  train::TrainedAdapters adapters;
  train::MixedPrecisionAdamW weights;
};

Updates updates_of(models::GlmImageForConditionalGeneration& generator) {
  return {*generator, "model.language_model.layers.", {".self_attn.q_proj", ".mlp.down_proj"}};
}

Updates updates_of(models::GlmImageTransformer2DModel& transformer) {
  return {*transformer, "transformer_blocks.", {".attn1.to_v", ".ff.net.2"}};
}

/// Two sequences, the second of which ends earlier.
train::TokenPredictionBatch token_batch() {
  auto random = make_random(13);
  const at::TensorOptions whole(at::kLong);
  train::TokenPredictionBatch batch;
  batch.ids = at::randint(64, {2, 9}, random, whole);
  batch.positions = at::arange(9, whole).expand({3, 2, 9}).contiguous();
  batch.slots = at::stack({at::arange(5, 9, whole), at::arange(3, 7, whole)});
  batch.targets = at::randint(64, {2, 4}, random, whole);
  return batch;
}

/// Two pictures, the second without its condition.
train::FlowMatchingBatch picture_batch() {
  auto random = make_random(14);
  const at::TensorOptions wide(at::kFloat), whole(at::kLong);
  train::FlowMatchingBatch batch;
  batch.clean = at::randn({2, 4, 8, 8}, random, wide);
  batch.noise = at::randn({2, 4, 8, 8}, random, wide);
  batch.timestep = 999 * at::rand({2}, random, wide);
  batch.sigma = at::rand({2}, random, wide);
  batch.prior_ids = at::randint(64, {2, 16}, random, whole);
  batch.drop = torch::tensor({false, true});
  batch.sizes = at::full({2, 2}, 64, wide);
  batch.crop = at::zeros({2, 2});
  const auto seen = at::ones({2, 5}, at::kBool);
  batch.glyphs = {
      at::randint(3, 250, {2, 5}, random, whole), seen, at::arange(10).view({2, 5}), seen};
  return batch;
}

// The products of the base are those of the model that learns, so that only the rounding of the
// fused operations, with gradients and without, may remain.
constexpr double kRounding = 1e-5;

TEST(TokenPreservation, IsZeroWithoutAnEffectOfTheUpdates) {
  const auto checkpoint = toy();
  for (const bool recompute : {false, true}) {
    auto generator = checkpoint.load_generator(/*with_vision=*/false, {}, {});
    auto updates = updates_of(generator);
    const train::TokenPredictionOptions options{/*taps=*/{}, recompute};
    const auto batch = token_batch();
    const double scale =
        updates.gradient_norm(train::TokenPrediction(generator, options).loss(batch).loss);
    const auto loss = train::TokenPreservation(generator, options).loss(batch);
    // The terms p·(log p − log q) of 64 codes are of float32 rounding of log p, with both signs.
    EXPECT_LT(std::fabs(loss.item<double>()), 1e-6);
    EXPECT_GT(scale, 0);
    EXPECT_LT(updates.gradient_norm(loss), kRounding * scale);
  }
}

TEST(TokenPreservation, IsTheDivergenceFromTheBase) {
  const auto checkpoint = toy();
  auto generator = checkpoint.load_generator(/*with_vision=*/false, {}, {});
  const auto base = checkpoint.load_generator(/*with_vision=*/false, {}, {});
  auto updates = updates_of(generator);
  updates.randomise();
  const auto batch = token_batch();
  const auto log_probabilities = [&](const models::GlmImageForConditionalGeneration& model) {
    const at::NoGradGuard no_grad;
    return at::log_softmax(train::TokenPrediction(model).loss(batch).logits.to(at::kDouble), -1);
  };
  const auto wanted = log_probabilities(base), found = log_probabilities(generator);
  const auto divergence = (wanted.exp() * (wanted - found)).sum(-1).mean();
  const auto loss = train::TokenPreservation(generator).loss(batch);
  EXPECT_GT(divergence.item<double>(), 1e-3);
  EXPECT_LT(relative_error(loss, divergence), 1e-4);
  EXPECT_GT(updates.gradient_norm(loss), 0);
  // The updates have their effect again.
  EXPECT_TRUE(at::equal(log_probabilities(generator), found));
}

TEST(VelocityPreservation, IsZeroWithoutAnEffectOfTheUpdates) {
  const auto checkpoint = toy();
  const auto glyph_encoder = checkpoint.load_glyph_encoder({});
  for (auto& parameter : glyph_encoder->parameters()) parameter.requires_grad_(false);
  for (const bool recompute : {false, true}) {
    auto transformer = checkpoint.load_transformer({}, {});
    auto updates = updates_of(transformer);
    const train::FlowMatchingOptions options{/*keep_blocks=*/false, recompute};
    const auto batch = picture_batch();
    const double scale = updates.gradient_norm(
        train::FlowMatching(transformer, glyph_encoder, options).loss(batch).loss);
    const auto loss = train::VelocityPreservation(transformer, glyph_encoder, options).loss(batch);
    EXPECT_LT(loss.item<double>(), kRounding * kRounding);
    EXPECT_GT(scale, 0);
    EXPECT_LT(updates.gradient_norm(loss), kRounding * scale);
  }
}

TEST(VelocityPreservation, IsTheSquaredDistanceToTheBase) {
  const auto checkpoint = toy();
  const auto glyph_encoder = checkpoint.load_glyph_encoder({});
  auto transformer = checkpoint.load_transformer({}, {});
  const auto base = checkpoint.load_transformer({}, {});
  auto updates = updates_of(transformer);
  updates.randomise();
  const auto batch = picture_batch();
  const auto velocity = [&](const models::GlmImageTransformer2DModel& model) {
    const at::NoGradGuard no_grad;
    return train::FlowMatching(model, glyph_encoder).predict(batch).velocity.to(at::kDouble);
  };
  const auto found = velocity(transformer);
  const auto distance = (found - velocity(base)).square().mean();
  const auto loss = train::VelocityPreservation(transformer, glyph_encoder).loss(batch);
  EXPECT_GT(distance.item<double>(), 1e-3);
  EXPECT_LT(relative_error(loss, distance), 1e-4);
  EXPECT_GT(updates.gradient_norm(loss), 0);
  EXPECT_TRUE(at::equal(velocity(transformer), found));
}

}  // namespace
}  // namespace glm_image::test
