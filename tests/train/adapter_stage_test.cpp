// The stages of adapters on the toy checkpoint: they learn four pictures, see the references, and
// recomputation does not change a gradient.

#include "train/lora/adapter_stage.h"

#include <map>

#include "nn/cpu_kernels.h"
#include "pipeline/draw.h"
#include "support/quantised_copy.h"
#include "support/reference.h"
#include "train/toy_adapters.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

/// The mean loss of the same batches before and after a run.
template <typename AnyStage>
std::pair<double, double> losses_of_a_run(const ToyData& toy, int64_t steps) {
  BegunStage<AnyStage> begun(toy, stage_options(2));
  // The adapters begin without an effect, so that these are the losses of the base.
  const double before = begun.mean_loss(20);
  train_for(begun, steps);
  return {before, begun.mean_loss(20)};
}

TEST(TransformerAdapters, LearnFourPictures) {
  const ToyData toy(add_four_pictures, tiny_model_dir());
  const auto [before, after] = losses_of_a_run<train::TransformerAdapterStage>(toy, 80);
  EXPECT_LT(after, 0.8 * before);
}

TEST(GeneratorAdapters, LearnFourPictures) {
  const ToyData toy(add_four_pictures, tiny_model_dir());
  const auto [before, after] = losses_of_a_run<train::GeneratorAdapterStage>(toy, 60);
  EXPECT_LT(after, 0.5 * before);
}

TokenGrid grid_of(const Tensor& tokens) {
  const auto flat = tokens.contiguous();
  return {tokens.size(0),
          tokens.size(1),
          {flat.data_ptr<int64_t>(), flat.data_ptr<int64_t>() + flat.numel()}};
}

/// The mean distance of the latents that the sampling loop draws of each picture's caption and
/// tokens from the picture's own, relative to its own.
double distance_of_drawn_latents(const ToyData& toy, const pipeline::LoadedModules& modules) {
  double sum = 0;
  const auto rows = static_cast<int64_t>(toy.data.rows().size());
  for (int64_t row = 0; row < rows; ++row) {
    const auto features = toy.features.of_picture(row, {});
    Request request;
    request.prompt = toy.data.rows()[row].caption;
    request.width = toy.features.size(row).width;
    request.height = toy.features.size(row).height;
    request.steps = 12;
    request.guidance = 1;
    request.seed = static_cast<uint64_t>(row);
    request.composition = Composition{grid_of(features.tokens), {}, {}};
    Tensor drawn;
    pipeline::RunMonitor monitor({}, [&](const std::string& name, const Tensor& value) {
      if (name == "latents.steps") drawn = value.clone();
    });
    pipeline::draw(toy.checkpoint, request, monitor, {}, nullptr, nullptr, &modules);
    sum += ((drawn - features.latents).norm() / features.latents.norm()).item<double>();
  }
  return sum / static_cast<double>(rows);
}

TEST(TransformerAdapters, DrawLatentsNearThePicturesThatTheyLearnt) {
  const ToyData toy(add_four_pictures, tiny_model_dir());
  double distance = 0;
  auto options = stage_options(2);
  options.draw_samples = [&](const pipeline::LoadedModules& modules) {
    distance = distance_of_drawn_latents(toy, modules);
    return Image();
  };
  BegunStage<train::TransformerAdapterStage> begun(toy, options);
  begun.stage.sample_sheet();
  const double before = distance;
  TemporaryDirectory run;
  train::RunFolder folder(run.path());
  train::LoopOptions loop;
  loop.steps = 120;
  loop.learning_rate = {5e-3, 5e-3, 5, loop.steps};
  loop.samples_every = 0;
  train::run_training(begun.stage, begun.weights, folder, loop, {});
  begun.stage.sample_sheet();
  EXPECT_LT(distance, 0.8 * before);
}

/// A picture of 2x2 cells of 32 pixels, whose colours depend on `number`.
Image cell_picture(int number) {
  Image image{64, 64, {}};
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const int cell = static_cast<int>(2 * (y / 32) + x / 32) + 4 * number;
      for (int channel = 0; channel < 3; ++channel) {
        image.pixels.push_back(static_cast<uint8_t>((cell * (97 + 31 * channel) + 40) % 256));
      }
    }
  }
  return image;
}

/// Pairs with one caption for all, so that only the reference tells what to draw. `shift` gives
/// each picture the reference of another.
void add_pairs(const fs::path& folder, int shift) {
  constexpr int kPairs = 3;
  for (int i = 0; i < kPairs; ++i) {
    const auto after = concat("after-", i, ".png"), before = concat("before-", i, ".png");
    image::write_image(folder / after, cell_picture(i));
    image::write_image(folder / before, cell_picture(kPairs + i));
    add_row(folder,
            {{"file_name", after},
             {"text", "Change the colours"},
             {"reference", concat("before-", (i + shift) % kPairs, ".png")}});
  }
}

TEST(GeneratorAdapters, LearnFromTheReferences) {
  const ToyData right([](const fs::path& folder) { add_pairs(folder, 0); }, tiny_model_dir());
  const ToyData wrong([](const fs::path& folder) { add_pairs(folder, 1); }, tiny_model_dir());
  const auto tokens = [&](int64_t row) {
    return right.features.of_references(row, {/*latents=*/false, /*tokens=*/true}).front().tokens;
  };
  ASSERT_FALSE(at::equal(tokens(0), tokens(1))) << "the references look alike to the model";
  BegunStage<train::GeneratorAdapterStage> learning(right, stage_options(1));
  BegunStage<train::GeneratorAdapterStage> misled(wrong, stage_options(1));
  const double before = learning.mean_loss(9);
  train_for(learning, 120);
  {
    const at::NoGradGuard no_grad;
    const auto learnt = learning.stage.modules().front().module->named_parameters();
    for (auto& item : misled.stage.modules().front().module->named_parameters()) {
      item.value().copy_(learnt[item.key()]);
    }
  }
  const double with_right = learning.mean_loss(9), with_wrong = misled.mean_loss(9);
  EXPECT_LT(with_right, 0.7 * before);
  EXPECT_LT(with_right, 0.8 * with_wrong);
}

TEST(Adapters, LearnBesideWeightsThatAreQuantisedOnLoad) {
  if (!nn::kHaveKernels) GTEST_SKIP() << "weights stay quantised only with the CPU kernels";
  const ToyData toy(add_four_pictures, tiny_model_dir());
  auto options = stage_options(2);
  options.load.quantise_to = "q4";
  BegunStage<train::TransformerAdapterStage> begun(toy, options);
  const double before = begun.mean_loss(20);
  train_for(begun, 40);
  EXPECT_LT(begun.mean_loss(20), 0.9 * before);
}

TEST(Adapters, LearnBesideQuantisedWeights) {
  TemporaryDirectory folder;
  write_quantised_copy(tiny_model_dir(), "q8", folder.path() / "q8");
  const ToyData toy(add_four_pictures, folder.path() / "q8");
  const auto transformer = losses_of_a_run<train::TransformerAdapterStage>(toy, 40);
  EXPECT_LT(transformer.second, 0.9 * transformer.first);
  const auto generator = losses_of_a_run<train::GeneratorAdapterStage>(toy, 40);
  EXPECT_LT(generator.second, 0.7 * generator.first);
}

/// The gradients of a step, with random values in the adapters. `prior`: the pictures are also
/// those whose outputs are to stay.
template <typename AnyStage>
std::map<std::string, Tensor> gradients_of(const ToyData& toy,
                                           int64_t step,
                                           bool recompute,
                                           bool prior) {
  auto options = stage_options(1, recompute);
  if (prior) options.prior_data = &toy.features;
  BegunStage<AnyStage> begun(toy, options);
  at::manual_seed(9);
  begun.weights.initialise(
      [](const std::string&, Tensor& weight) { weight.copy_(at::randn(weight.sizes()) / 8); });
  train::Batch batch;
  {
    const at::NoGradGuard no_grad;
    batch = begun.stage.batch_maker()(step);
  }
  const auto outcome = begun.stage.forward(batch, step);
  outcome.loss.backward();
  if (outcome.separate_loss.defined()) outcome.separate_loss.backward();
  std::map<std::string, Tensor> gradients;
  for (const auto& item : begun.stage.modules().front().module->named_parameters()) {
    gradients[item.key()] = item.value().grad().clone();
  }
  return gradients;
}

template <typename AnyStage>
void expect_equal_gradients(const ToyData& toy, bool prior = false) {
  for (int64_t step = 0; step < 4; ++step) {
    const auto kept = gradients_of<AnyStage>(toy, step, /*recompute=*/false, prior);
    const auto recomputed = gradients_of<AnyStage>(toy, step, /*recompute=*/true, prior);
    ASSERT_FALSE(kept.empty());
    for (const auto& [name, gradient] : kept) {
      EXPECT_FALSE(at::equal(gradient, at::zeros_like(gradient))) << name;
      // Within a block the sums are the same. A block's input collects its gradient in another
      // order, so that the blocks before it differ by float32 rounding.
      EXPECT_LT(relative_error(recomputed.at(name), gradient), 1e-5) << name;
    }
  }
}

TEST(Adapters, HaveTheSameGradientsWithRecomputation) {
  const ToyData pictures(add_four_pictures, tiny_model_dir());
  expect_equal_gradients<train::TransformerAdapterStage>(pictures);
  expect_equal_gradients<train::GeneratorAdapterStage>(pictures);
  const ToyData edit(add_an_edit, tiny_model_dir());
  expect_equal_gradients<train::TransformerAdapterStage>(edit);
  expect_equal_gradients<train::GeneratorAdapterStage>(edit);
  expect_equal_gradients<train::TransformerAdapterStage>(edit, /*prior=*/true);
  expect_equal_gradients<train::GeneratorAdapterStage>(edit, /*prior=*/true);
}

TEST(Adapters, SeeTheReferences) {
  const ToyData toy(add_an_edit, tiny_model_dir());
  const auto references = toy.features.of_references(0, {});
  ASSERT_EQ(references.size(), 2U);
  EXPECT_EQ(references[0].tokens.size(0), 3);
  EXPECT_EQ(references[0].tokens.size(1), 2);

  BegunStage<train::TransformerAdapterStage> transformer(toy, stage_options(1));
  const at::NoGradGuard no_grad;
  int64_t conditional = 0;
  const auto make = transformer.stage.batch_maker();
  for (int64_t step = 0; step < 10; ++step) {
    auto batch = make(step);
    const bool dropped = batch.at("drop").item<bool>();
    ASSERT_EQ(batch.count("reference_latents_1"), dropped ? 0U : 1U);
    if (dropped) continue;
    ++conditional;
    const auto loss = transformer.stage.forward(batch, step).loss;
    batch["reference_latents_1"] = -batch.at("reference_latents_1");
    EXPECT_FALSE(at::equal(transformer.stage.forward(batch, step).loss, loss));
  }
  EXPECT_GT(conditional, 4);

  BegunStage<train::GeneratorAdapterStage> generator(toy, stage_options(1));
  auto batch = generator.stage.batch_maker()(0);
  // With references the picture's own grid alone is predicted.
  EXPECT_EQ(batch.at("targets").numel(), 4);
  const auto loss = generator.stage.forward(batch, 0).loss;
  batch["ids"][0][1] = (batch.at("ids")[0][1] + 1) % 64;
  EXPECT_FALSE(at::equal(generator.stage.forward(batch, 0).loss, loss));
}

}  // namespace
}  // namespace glm_image::test
