// Properties that follow from the definitions of the objectives.

#include "core/random.h"
#include "io/weight_binding.h"
#include "support/reference.h"
#include "train/objectives/flow_matching.h"
#include "train/objectives/vae_reconstruction.h"
#include "train/objectives/vq.h"

namespace glm_image::test {
namespace {

template <typename Config>
Config tiny_config(const std::string& component) {
  return Config::from_json(io::JsonFields::load(tiny_model_dir() / component / "config.json"));
}

template <typename Module>
void bind_tiny(Module& module, const std::string& component) {
  io::BindingOptions options;
  options.dtype = at::kFloat;
  io::bind_weights(*module, io::WeightSet::open(tiny_model_dir() / component), options);
}

// Two pictures at three noise levels each: the loss is the mean over the six examples.
TEST(FlowMatchingObjective, ABatchIsTheMeanOfItsExamples) {
  const at::NoGradGuard no_grad;
  models::T5EncoderModel glyph_encoder(tiny_config<models::T5Config>("text_encoder"), at::kFloat);
  models::GlmImageTransformer2DModel transformer(
      tiny_config<models::TransformerConfig>("transformer"), at::kFloat);
  bind_tiny(glyph_encoder, "text_encoder");
  bind_tiny(transformer, "transformer");
  auto random = make_random(5);
  const at::TensorOptions wide(at::kFloat), whole(at::kLong);
  constexpr int64_t kPictures = 2, kLevels = 3, kExamples = kPictures * kLevels;
  train::FlowMatchingBatch all;
  all.clean = at::randn({kExamples, 4, 8, 8}, random, wide);
  all.noise = at::randn({kExamples, 4, 8, 8}, random, wide);
  all.timestep = 999 * at::rand({kExamples}, random, wide);
  all.sigma = at::rand({kExamples}, random, wide);
  all.prior_ids = at::randint(64, {kExamples, 16}, random, whole);
  all.drop = torch::tensor({false, true}).repeat({kLevels});
  all.sizes = at::full({kExamples, 2}, 64, wide);
  all.crop = at::zeros({kExamples, 2});
  all.weights = at::ones({kExamples, 1, 8, 8});
  const auto ids = at::randint(3, 250, {kPictures, 5}, random, whole);
  const auto seen = at::ones({kPictures, 5}, at::kBool);
  all.glyphs = {ids, seen, at::arange(10).view({kPictures, 5}), seen};
  const train::FlowMatching objective(transformer, glyph_encoder);
  const auto whole_loss = objective.loss(all).loss;

  double sum = 0;
  for (int64_t i = 0; i < kExamples; ++i) {
    const auto one = [&](const Tensor& x) { return x.narrow(0, i, 1); };
    const auto picture = [&](const Tensor& x) { return x.narrow(0, i % kPictures, 1); };
    auto example = all;
    for (auto* tensor : {&example.clean,
                         &example.noise,
                         &example.timestep,
                         &example.sigma,
                         &example.prior_ids,
                         &example.drop,
                         &example.sizes,
                         &example.crop}) {
      *tensor = one(*tensor);
    }
    example.weights = Tensor();
    example.glyphs = {picture(ids), picture(seen), at::arange(5).unsqueeze(0), picture(seen)};
    sum += objective.loss(example).loss.item<double>();
  }
  EXPECT_NEAR(whole_loss.item<double>(), sum / kExamples, 1e-5 * sum);

  // Elements with weight 0 do not affect the loss.
  auto left = all, right = all;
  left.weights = all.weights.clone();
  left.weights.narrow(3, 4, 4).zero_();
  right.weights = 1 - left.weights;
  const auto loss_of = [&](const train::FlowMatchingBatch& batch) {
    return objective.loss(batch).loss.item<double>();
  };
  const auto value = whole_loss.item<double>();
  EXPECT_NEAR((loss_of(left) + loss_of(right)) / 2, value, 1e-6 * value);
  EXPECT_GT(std::fabs(loss_of(left) - loss_of(right)), 1e-4);
}

TEST(VaeObjective, WeightsSelectPixels) {
  const at::NoGradGuard no_grad;
  models::AutoencoderKL model(tiny_config<models::AutoencoderConfig>("vae"), at::kFloat);
  bind_tiny(model, "vae");
  auto random = make_random(6);
  train::VaeReconstructionBatch batch;
  batch.pictures = at::rand({2, 3, 32, 32}, random, at::TensorOptions(at::kFloat)) * 2 - 1;
  train::VaeReconstructionOptions options;
  const auto reconstructed = model->decode(model->encode(batch.pictures).mean);
  const auto difference = reconstructed - batch.pictures;
  batch.weights = at::zeros({2, 1, 32, 32});
  batch.weights[1].narrow(1, 0, 8).fill_(1);
  options.weights = {/*absolute=*/1, /*squared=*/0, /*edge=*/0, /*kl=*/0};
  const auto found = train::VaeReconstruction(model, options).loss(batch).loss;
  const auto expected = difference[1].narrow(1, 0, 8).abs().sum() / difference.numel();
  EXPECT_LE(relative_error(found, expected), 1e-5);
}

TEST(VectorQuantisation, ChoosesTheNearestCodeAndPassesTheGradient) {
  auto random = make_random(7);
  const auto unit = [&](int64_t count) {
    const auto x = at::randn({count, 6}, random, at::TensorOptions(at::kFloat));
    return x / x.norm(2, {1}, /*keepdim=*/true);
  };
  train::VqTokens batch{unit(20).requires_grad_(true), unit(5)};
  const auto result = train::vector_quantisation(batch);
  const auto cosines = at::matmul(batch.vectors, batch.codes.t());
  EXPECT_TRUE(at::equal(result.ids, cosines.argmax(1)));
  EXPECT_LE(relative_error(result.quantised, batch.codes.index_select(0, result.ids)), 1e-6);
  const auto slope = unit(20);
  (result.quantised * slope).sum().backward();
  EXPECT_LE(relative_error(batch.vectors.grad(), slope), 1e-6);
  EXPECT_LE(relative_error(result.commitment, (1 - std::get<0>(cosines.max(1))).mean()), 1e-5);
}

// Both terms and their gradients, from the definition in float64. The decoder is a matrix.
TEST(VqObjective, AddsTheCommitmentToTheErrorOfThePixels) {
  constexpr double kCommitmentWeight = 0.25;
  auto random = make_random(9);
  const auto normal = [&](int64_t rows, int64_t columns) {
    return at::randn({rows, columns}, random, at::TensorOptions(at::kFloat));
  };
  const auto unit = [](const Tensor& x) { return x / x.norm(2, {1}, /*keepdim=*/true); };
  const auto matrix = normal(6, 12).requires_grad_(true);
  const train::VqBatch batch{
      unit(normal(20, 6)).requires_grad_(true), unit(normal(5, 6)), normal(20, 12)};
  const train::Vq objective([&](const Tensor& quantised) { return at::matmul(quantised, matrix); },
                            kCommitmentWeight);
  const auto result = objective.loss(batch);
  result.loss.backward();

  const auto vectors = batch.vectors.detach().to(at::kDouble);
  const auto codes = batch.codes.to(at::kDouble), pixels = batch.pixels.to(at::kDouble);
  const auto decoder = matrix.detach().to(at::kDouble);
  const auto ids = at::matmul(vectors, codes.t()).argmax(1);
  const auto chosen = codes.index_select(0, ids);
  const auto error = at::matmul(chosen, decoder) - pixels;
  const auto commitment = 1 - (vectors * chosen).sum(1).mean();
  EXPECT_LE(relative_error(result.pixel_error, error.abs().mean()), 1e-5);
  EXPECT_LE(relative_error(result.tokens.commitment, commitment), 1e-5);
  EXPECT_LE(relative_error(result.loss, error.abs().mean() + kCommitmentWeight * commitment), 1e-5);
  // The gradient of the pixels reaches the vectors as if they were their codes.
  const auto slope = error.sign() / static_cast<double>(error.numel());
  const auto of_vectors = at::matmul(slope, decoder.t()) - kCommitmentWeight / 20 * chosen;
  EXPECT_LE(relative_error(batch.vectors.grad(), of_vectors), 1e-5);
  EXPECT_LE(relative_error(matrix.grad(), at::matmul(chosen.t(), slope)), 1e-5);
}

// Vectors around three directions: codes that start elsewhere reach them, and no code stays unused.
TEST(VectorQuantisation, TheCodebookFollowsTheVectors) {
  auto random = make_random(8);
  const auto directions = at::eye(3, 6, at::TensorOptions(at::kFloat));
  const auto start = at::randn({3, 6}, random, at::TensorOptions(at::kFloat));
  train::MovingCodebook codebook(start, /*decay=*/0.9);
  for (int64_t step = 0; step < 300; ++step) {
    const auto noise = 0.05 * at::randn({30, 6}, random, at::TensorOptions(at::kFloat));
    const auto x = directions.repeat({10, 1}) + noise;
    const train::VqTokens batch{x / x.norm(2, {1}, /*keepdim=*/true), codebook.codes()};
    const auto result = train::vector_quantisation(batch);
    codebook.update(batch, result, /*revive=*/step % 10 == 0, random);
  }
  const auto nearest = std::get<0>(at::matmul(directions, codebook.codes().t()).max(1));
  EXPECT_GT(nearest.min().item<double>(), 0.98);
  EXPECT_NEAR(codebook.shares().min().item<double>(), 1.0 / 3, 0.02);
}

}  // namespace
}  // namespace glm_image::test
