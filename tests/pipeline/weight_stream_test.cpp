// A model whose weights stream computes the same bits, and holds the weights of no block meanwhile.

#include "pipeline/weight_stream.h"

#include "core/error.h"
#include "models/transformer/picture_input.h"
#include "nn/block_list.h"
#include "nn/parameter.h"
#include "pipeline/decoding.h"
#include "pipeline/draw.h"
#include "pipeline/stored_model.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using pipeline::Checkpoint;
using pipeline::LoadPlan;

/// A plan that keeps so many blocks of each list.
LoadPlan keeping(const pipeline::ComponentBytes& bytes, int64_t blocks) {
  LoadPlan plan;
  plan.bytes = bytes;
  for (const auto& list : bytes.lists) {
    plan.weights.kept.push_back(std::min<int64_t>(blocks, list.blocks.size() - 1));
    plan.weights.streamed += list.blocks.back().stored;
  }
  return plan;
}

class WeightStream : public StoredModel {
 protected:
  at::TensorOptions options() const { return at::TensorOptions(checkpoint_.placement().dtype); }

  /// Runs a model with all weights and with those of 0 or 1 blocks, twice each.
  template <typename Load, typename Run>
  void expect_same(const pipeline::ComponentBytes& bytes, const Load& load, const Run& run) {
    const auto whole = load(LoadPlan());
    const Tensor expected = run(whole);
    EXPECT_TRUE(expected.isfinite().all().template item<bool>());
    for (const int64_t kept : {0, 1}) {
      const auto model = load(keeping(bytes, kept));
      for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(at::equal(run(model), expected)) << kept << " blocks, run " << i;
      }
      expect_released(*model, kept, bytes.lists.size());
    }
  }

  /// Blocks from number `kept` on have no weights; all others have.
  static void expect_released(const torch::nn::Module& module, int64_t kept, size_t lists) {
    size_t streaming = 0;
    for (const auto& [name, list] : nn::block_lists(module)) {
      if (list->hook) ++streaming;
      for (int64_t block = 0; block < static_cast<int64_t>(list->size()); ++block) {
        if (!list->hook) break;
        const auto& layers = nn::linear_layers(*list->ptr(static_cast<size_t>(block)));
        ASSERT_FALSE(layers.empty());
        for (const auto& [layer_name, layer] : layers) {
          const bool has_weight = layer->quantised != nullptr || !nn::is_unbound(layer->weight);
          EXPECT_EQ(has_weight, block < kept) << name << '.' << block << '.' << layer_name;
        }
      }
    }
    EXPECT_EQ(streaming, lists);
  }
};

TEST_P(WeightStream, Generator) {
  const auto& bytes = checkpoint_.generator_bytes(/*with_vision=*/false);
  ASSERT_EQ(bytes.lists.size(), 1U);
  expect_same(
      bytes,
      [&](const LoadPlan& plan) { return checkpoint_.load_generator(false, {}, {}, plan); },
      [&](const auto& model) {
        pipeline::Decoding decoding(model, 1, /*capacity=*/8, options());
        decoding.read({5, 3, 9, 1, 2}, {{0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}});
        return decoding.read({7}, {{5}, {5}, {6}});
      });
}

TEST_P(WeightStream, VisionEncoderBesideTheGenerator) {
  const auto& bytes = checkpoint_.generator_bytes(/*with_vision=*/true);
  ASSERT_EQ(bytes.lists.size(), 2U);
  const auto& vision = checkpoint_.vision_language.vision;
  const auto patches =
      at::linspace(-1, 1, 6 * vision.in_channels * vision.patch_size * vision.patch_size)
          .view({1, 6, -1});
  expect_same(
      bytes,
      [&](const LoadPlan& plan) { return checkpoint_.load_generator(true, {}, {}, plan); },
      [&](const auto& model) { return model->visual->forward(patches, 2, 3); });
}

TEST_P(WeightStream, VisionEncoderAlone) {
  const auto& bytes = checkpoint_.vision_bytes();
  ASSERT_EQ(bytes.lists.size(), 1U);
  EXPECT_EQ(bytes.memory() + checkpoint_.generator_bytes(/*with_vision=*/false).memory(),
            checkpoint_.generator_bytes(/*with_vision=*/true).memory());
  const auto& vision = checkpoint_.vision_language.vision;
  const auto patches =
      at::linspace(-1, 1, 6 * vision.in_channels * vision.patch_size * vision.patch_size)
          .view({1, 6, -1});
  expect_same(
      bytes,
      [&](const LoadPlan& plan) { return checkpoint_.load_vision({}, plan); },
      [&](const auto& model) { return model->visual->forward(patches, 2, 3); });
}

TEST_P(WeightStream, GlyphEncoder) {
  const auto ids = torch::tensor(std::vector<int64_t>{70, 80, 90, 1}).unsqueeze(0);
  const auto mask = at::ones(ids.sizes(), at::kBool);
  expect_same(
      checkpoint_.weight_bytes(pipeline::kTextEncoder),
      [&](const LoadPlan& plan) { return checkpoint_.load_glyph_encoder({}, plan); },
      [&](const auto& model) { return model->forward(ids, mask); });
}

TEST_P(WeightStream, Transformer) {
  const auto& config = checkpoint_.transformer;
  const int64_t side = 4 * config.patch_size;
  auto input = models::picture_input(
      at::linspace(-1, 1, config.in_channels * side * side).view({1, -1, side, side}),
      at::arange(16).unsqueeze(0),
      32,
      32);
  input.glyphs = at::linspace(-1, 1, 3 * config.text_embed_dim).view({1, 3, -1});
  input.prior_drop = at::zeros({1}, at::kBool);
  input.timestep = at::full({1}, 500.0);
  expect_same(
      checkpoint_.weight_bytes(pipeline::kTransformer),
      [&](const LoadPlan& plan) { return checkpoint_.load_transformer({}, {}, plan); },
      [&](const auto& model) { return model->forward(input); });
}

/// All stages of a request, with a generator and a transformer whose weights stream.
TEST_P(WeightStream, APictureIsTheSame) {
  Request request;
  request.prompt = "A poster: \"OPEN\"";
  request.width = request.height = 64;
  request.steps = 2;
  request.seed = 3;
  const auto pixels = [&](const pipeline::LoadedModules* loaded) {
    pipeline::RunMonitor monitor({}, {});
    const auto result =
        pipeline::draw(checkpoint_, request, monitor, {}, nullptr, /*ranks=*/nullptr, loaded);
    return result.pictures.at(0).image.pixels;
  };
  pipeline::LoadedModules streamed;
  streamed.generator = checkpoint_.load_generator(
      false, {}, {}, keeping(checkpoint_.generator_bytes(/*with_vision=*/false), 1));
  streamed.transformer = checkpoint_.load_transformer(
      {}, {}, keeping(checkpoint_.weight_bytes(pipeline::kTransformer), 1));
  EXPECT_EQ(pixels(&streamed), pixels(nullptr));
  for (const torch::nn::Module* const module :
       {static_cast<const torch::nn::Module*>(streamed.generator.get()),
        static_cast<const torch::nn::Module*>(streamed.transformer.get())}) {
    expect_released(*module, /*kept=*/1, /*lists=*/1);
  }
}

TEST_P(WeightStream, GoesOnAfterABlockThatThrew) {
  const auto ids = torch::tensor(std::vector<int64_t>{70, 80, 90, 1}).unsqueeze(0);
  const auto mask = at::ones(ids.sizes(), at::kBool);
  const auto expected = checkpoint_.load_glyph_encoder({})->forward(ids, mask);
  const auto& bytes = checkpoint_.weight_bytes(pipeline::kTextEncoder);
  const auto model = checkpoint_.load_glyph_encoder({}, keeping(bytes, 0));
  const auto& list = *nn::block_lists(*model).at(0).second;
  const auto stops = [](const auto&) -> Tensor { fail(ErrorCode::kCancelled, "stopped"); };
  expect_error(ErrorCode::kCancelled, {"stopped"}, [&] { list.run<torch::nn::Module>(1, stops); });
  EXPECT_TRUE(at::equal(model->forward(ids, mask), expected));
  expect_released(*model, 0, 1);
}

INSTANTIATE_TEST_SUITE_P(Forms,
                         WeightStream,
                         testing::Values(StoredForm{"plain_float32", "", DataType::kFloat32},
                                         StoredForm{"plain_bfloat16", "", DataType::kBFloat16},
                                         StoredForm{"q8_bfloat16", "q8", DataType::kBFloat16},
                                         StoredForm{"q4_bfloat16", "q4", DataType::kBFloat16},
                                         StoredForm{"gptq_bfloat16", "gptq", DataType::kBFloat16}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace glm_image::test
