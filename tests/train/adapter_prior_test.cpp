// Prior preservation in the stages of adapters: the loss is the distance of two models that were
// loaded one with the updates and one without, each of which also reads the references.

#include <cmath>

#include "core/random.h"
#include "models/transformer/patches.h"
#include "models/transformer/picture_input.h"
#include "support/reference.h"
#include "train/objectives/flow_matching_noise.h"
#include "train/seeds.h"
#include "train/toy_adapters.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

constexpr double kPriorWeight = 2.5;

train::AdapterStageOptions options_with_prior_data(const ToyData& prior, int64_t batch) {
  auto options = stage_options(batch);
  options.prior_data = &prior.features;
  options.prior_loss_weight = kPriorWeight;
  return options;
}

/// A stage whose updates have an effect, and its module.
template <typename AnyStage>
struct ChangedStage {
  ChangedStage(const ToyData& toy, train::AdapterStageOptions options)
      : begun(toy, with_capture(std::move(options))) {
    auto random = make_random(15);
    begun.weights.initialise([&](const std::string&, Tensor& weight) {
      weight.copy_(at::randn(weight.sizes(), random, at::TensorOptions(at::kFloat)) / 8);
    });
    begun.stage.sample_sheet();
  }
  train::AdapterStageOptions with_capture(train::AdapterStageOptions options) {
    options.draw_samples = [this](const pipeline::LoadedModules& loaded) {
      modules = loaded;
      return Image();
    };
    return options;
  }
  train::Batch batch(int64_t step) {
    const at::NoGradGuard no_grad;
    return begun.stage.batch_maker()(step);
  }

  pipeline::LoadedModules modules;
  BegunStage<AnyStage> begun;
};

/// The loss of a step on the prior data, without the weight. The stage must report it and count it
/// with the weight.
template <typename AnyStage>
Tensor prior_loss(ChangedStage<AnyStage>& changed, const train::Batch& batch, int64_t step) {
  const auto outcome = changed.begun.stage.forward(batch, step);
  const auto loss = outcome.separate_loss.detach() / kPriorWeight;
  EXPECT_LT(relative_error(outcome.parts.at("prior_loss"), loss), 1e-6);
  return loss;
}

/// The keys and values of the references in a batch of prior data, as a transformer reads them.
models::ConditionCache references_of(const models::GlmImageTransformer2DModel& transformer,
                                     const pipeline::Checkpoint& checkpoint,
                                     const train::Batch& batch) {
  models::ConditionCache cache(checkpoint.transformer.num_layers);
  for (int number = 0;; ++number) {
    const auto latents = batch.find(concat("prior_data.reference_latents_", number));
    if (latents == batch.end()) return cache;
    const auto tokens = batch.at(concat("prior_data.reference_tokens_", number));
    const int64_t scale = checkpoint.autoencoder.scale_factor();
    auto input =
        models::picture_input(latents->second,
                              models::repeat_over_patches(tokens, checkpoint.patches_per_token()),
                              latents->second.size(2) * scale,
                              latents->second.size(3) * scale);
    input.glyphs = at::empty({1, 0, checkpoint.transformer.text_embed_dim});
    input.prior_drop = at::zeros({1}, at::kBool);
    input.timestep = at::zeros({1});
    input.write = &cache;
    transformer->forward(input);
  }
}

/// The objective's batch of an example of the prior data, without references.
train::FlowMatchingBatch prior_example(const pipeline::Checkpoint& checkpoint,
                                       const train::Batch& batch,
                                       int64_t step) {
  const auto tensor = [&](const std::string& name) { return batch.at("prior_data." + name); };
  const auto seed = train::mix_seed(/*seed=*/0, train::kPriorDataPurpose, /*step=*/0);
  auto random = make_random(train::mix_seed(seed, train::kAdapterNoisePurpose, step));
  train::FlowMatchingBatch example;
  example.clean = tensor("clean");
  const int64_t patch = checkpoint.transformer.patch_size;
  train::draw_noise(checkpoint.scheduler,
                    example.clean.size(2) * example.clean.size(3) / (patch * patch),
                    train::NoiseOptions(),
                    train::BatchShare(example.clean.size(0)),
                    random,
                    example);
  example.prior_ids = models::repeat_over_patches(tensor("tokens"), checkpoint.patches_per_token());
  example.drop = tensor("drop");
  example.crop = tensor("crops");
  example.sizes = tensor("sizes");
  example.glyphs = {
      tensor("glyph_ids"), tensor("glyph_mask"), tensor("glyph_gather"), tensor("glyph_seen")};
  return example;
}

TEST(TransformerPrior, IsTheDistanceToABaseThatReadsTheReferencesItself) {
  const ToyData edit(add_an_edit, tiny_model_dir(), DataType::kFloat32);
  const auto& checkpoint = edit.checkpoint;
  const auto base = checkpoint.load_transformer({}, {});
  const auto glyph_encoder = checkpoint.load_glyph_encoder({});
  ChangedStage<train::TransformerAdapterStage> changed(edit, options_with_prior_data(edit, 1));
  const auto& transformer = changed.modules.transformer;
  const at::NoGradGuard no_grad;
  int with_references = 0;
  for (int64_t step = 0; step < 4; ++step) {
    const auto batch = changed.batch(step);
    if (batch.count("prior_data.reference_latents_0") == 0) continue;
    ++with_references;
    const auto of_changed = references_of(transformer, checkpoint, batch);
    const auto of_base = references_of(base, checkpoint, batch);
    const auto velocity = [&](const models::GlmImageTransformer2DModel& model,
                              const models::ConditionCache& references) {
      auto example = prior_example(checkpoint, batch, step);
      example.conditions = &references;
      return train::FlowMatching(model, glyph_encoder).predict(example).velocity.to(at::kDouble);
    };
    const auto found = velocity(transformer, of_changed);
    const auto distance = (found - velocity(base, of_base)).square().mean();
    EXPECT_LT(relative_error(prior_loss(changed, batch, step), distance), 1e-4);
    // The updates change how the references are read enough for this test to notice.
    const auto of_wrong_references = (found - velocity(base, of_changed)).square().mean();
    EXPECT_GT(relative_error(of_wrong_references, distance), 1e-2);
  }
  EXPECT_GT(with_references, 1);
}

TEST(GeneratorPrior, IsTheDivergenceFromABaseOfTheSameTokens) {
  const ToyData learnt(add_four_pictures, tiny_model_dir(), DataType::kFloat32);
  const ToyData edit(add_an_edit, tiny_model_dir(), DataType::kFloat32);
  const auto base = edit.checkpoint.load_generator(/*with_vision=*/false, {}, {});
  ChangedStage<train::GeneratorAdapterStage> changed(learnt, options_with_prior_data(edit, 2));
  const at::NoGradGuard no_grad;
  const auto batch = changed.batch(0);
  const auto tensor = [&](const std::string& name) { return batch.at("prior_data." + name); };
  const train::TokenPredictionBatch tokens{
      tensor("ids"), tensor("positions"), tensor("slots"), tensor("targets")};
  const auto log_probabilities = [&](const models::GlmImageForConditionalGeneration& model) {
    return at::log_softmax(train::TokenPrediction(model).loss(tokens).logits.to(at::kDouble), -1);
  };
  const auto wanted = log_probabilities(base);
  const auto found = log_probabilities(changed.modules.generator);
  const auto divergence = (wanted.exp() * (wanted - found)).sum(-1).mean();
  EXPECT_GT(divergence.item<double>(), 1e-3);
  EXPECT_LT(relative_error(prior_loss(changed, batch, 0), divergence), 1e-4);
}

/// The norm of the gradient that a loss gives the updates.
double gradient_norm_of(const Tensor& loss, train::Stage& stage) {
  loss.backward();
  double sum = 0;
  for (auto& parameter : stage.modules().front().module->parameters()) {
    auto& gradient = parameter.mutable_grad();
    if (!gradient.defined()) continue;
    sum += gradient.to(at::kDouble).square().sum().item<double>();
    gradient = Tensor();
  }
  return std::sqrt(sum);
}

template <typename AnyStage>
void expect_no_prior_before_learning() {
  const ToyData edit(add_an_edit, tiny_model_dir(), DataType::kFloat32);
  BegunStage<AnyStage> begun(edit, options_with_prior_data(edit, 1));
  begun.weights.initialise([&](const std::string& name, Tensor& weight) {
    auto random = make_random(16);
    begun.stage.initialise(name, weight, random);
  });
  const auto make = begun.stage.batch_maker();
  for (int64_t step = 0; step < 4; ++step) {
    train::Batch batch;
    {
      const at::NoGradGuard no_grad;
      batch = make(step);
    }
    const auto outcome = begun.stage.forward(batch, step);
    const double scale = gradient_norm_of(outcome.loss, begun.stage);
    EXPECT_GT(outcome.loss.template item<double>(), 1e-3);
    EXPECT_GT(scale, 0);
    // What remains is the rounding of float32 in operations with gradients and without.
    EXPECT_LT(std::fabs(outcome.separate_loss.template item<double>()), kPriorWeight * 1e-6);
    EXPECT_LT(gradient_norm_of(outcome.separate_loss, begun.stage), kPriorWeight * 1e-5 * scale);
  }
}

// Where the updates have no effect, the base reads references as the model does.
TEST(TransformerPrior, IsZeroWithItsGradientBeforeTheAdapterLearns) {
  expect_no_prior_before_learning<train::TransformerAdapterStage>();
}

TEST(GeneratorPrior, IsZeroWithItsGradientBeforeTheAdapterLearns) {
  expect_no_prior_before_learning<train::GeneratorAdapterStage>();
}

void add_other_pictures(const fs::path& folder) {
  add_picture(folder, "e.png", plain_picture(64, 64, 7), "A ship");
  add_picture(folder, "f.png", plain_picture(64, 64, 8), "A tower and the word \"SEA\"");
  add_picture(folder, "g.png", plain_picture(96, 64, 9), "A bridge");
}

/// The mean "prior_loss" after a run that learns four pictures, with a prior of other ones.
template <typename AnyStage>
double drift_of_a_run(const ToyData& learnt, const ToyData& others, double weight) {
  auto options = stage_options(2);
  options.prior_data = &others.features;
  options.prior_loss_weight = weight;
  BegunStage<AnyStage> begun(learnt, options);
  train_for(begun, 60);
  const at::NoGradGuard no_grad;
  const auto make = begun.stage.batch_maker();
  double sum = 0;
  constexpr int64_t kSteps = 20;
  for (int64_t step = 0; step < kSteps; ++step) {
    sum += begun.stage.forward(make(step), step).parts.at("prior_loss").template item<double>();
  }
  return sum / kSteps;
}

template <typename AnyStage>
void expect_prior_preservation() {
  const ToyData learnt(add_four_pictures, tiny_model_dir());
  const ToyData others(add_other_pictures, tiny_model_dir());
  const double free = drift_of_a_run<AnyStage>(learnt, others, /*weight=*/0);
  const double held = drift_of_a_run<AnyStage>(learnt, others, /*weight=*/5);
  EXPECT_GT(free, 0);
  EXPECT_LT(held, 0.5 * free);
}

TEST(Adapters, WithAPriorDriftLessFromTheBase) {
  expect_prior_preservation<train::TransformerAdapterStage>();
  expect_prior_preservation<train::GeneratorAdapterStage>();
}

}  // namespace
}  // namespace glm_image::test
