#include "support/reference.h"
#include "train/toy_adapters.h"

namespace glm_image::test {
namespace {

train::Batch batch_with(const ToyData& toy, double input_dropout, int64_t step) {
  auto options = stage_options(4);
  options.input_dropout = input_dropout;
  const at::NoGradGuard no_grad;
  return train::GeneratorAdapterStage(toy.checkpoint, toy.features, options).batch_maker()(step);
}

/// [B, tokens] bool: where the input of a batch is the placeholder instead of the token.
Tensor hidden_in(const ToyData& toy, const train::Batch& batch, const train::Batch& complete) {
  const auto placeholder = toy.checkpoint.vision_language.image_token_id;
  const auto hidden = batch.at("ids") != complete.at("ids");
  EXPECT_TRUE(batch.at("ids").masked_select(hidden).eq(placeholder).all().item<bool>());
  // The first slot is the last token of the prompt, which is never hidden.
  const auto slots = complete.at("slots");
  const auto seen = slots.narrow(1, 1, slots.size(1) - 1);
  EXPECT_EQ(hidden.sum().item<int64_t>(), hidden.gather(1, seen).sum().item<int64_t>());
  return hidden.gather(1, seen);
}

TEST(GeneratorAdapters, HideTokensOfAFractionOfTheExamples) {
  const ToyData toy(add_four_pictures, tiny_model_dir());
  constexpr int64_t kSteps = 12;
  int64_t hiding = 0, examples = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto complete = batch_with(toy, 0, step);
    const auto half = batch_with(toy, 0.5, step), all = batch_with(toy, 1, step);
    for (const auto* name : {"targets", "slots", "positions"}) {
      EXPECT_TRUE(at::equal(half.at(name), complete.at(name))) << name;
    }
    const auto of_each = hidden_in(toy, half, complete).any(1);
    hiding += of_each.sum().item<int64_t>();
    examples += of_each.size(0);
    const auto shares = hidden_in(toy, all, complete).to(at::kDouble).mean(1);
    EXPECT_GT(shares.mean().item<double>(), 0.5);
    EXPECT_TRUE(at::equal(batch_with(toy, 0.5, step).at("ids"), half.at("ids")));
  }
  EXPECT_GT(hiding, examples / 4);
  EXPECT_LT(hiding, examples * 3 / 4);
}

TEST(GeneratorAdapters, HideTokensOfThePriorDataToo) {
  const ToyData toy(add_four_pictures, tiny_model_dir());
  auto options = stage_options(2);
  options.prior_data = &toy.features;
  options.input_dropout = 1;
  const at::NoGradGuard no_grad;
  train::GeneratorAdapterStage stage(toy.checkpoint, toy.features, options);
  const auto batch = stage.batch_maker()(0);
  const auto placeholder = toy.checkpoint.vision_language.image_token_id;
  EXPECT_GT(batch.at("prior_data.ids").eq(placeholder).sum().item<int64_t>(), 0);
}

}  // namespace
}  // namespace glm_image::test
