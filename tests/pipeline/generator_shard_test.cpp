// A rank's share of the generator's weights, read from files: the values of the whole, cut.

#include "core/error.h"
#include "nn/parameter.h"
#include "pipeline/memory_plan.h"
#include "pipeline/request_check.h"
#include "pipeline/stored_model.h"
#include "support/adapter_files.h"

namespace glm_image::test {
namespace {

using models::GeneratorShard;
using pipeline::Checkpoint;

class GeneratorShards : public StoredModel {
 protected:
  /// The values of a layer's weight, as float32.
  static Tensor values_of(const nn::LinearImpl& layer) {
    return layer.quantised ? layer.quantised->values() : layer.weight.to(at::kFloat);
  }
};

TEST_P(GeneratorShards, HoldTheValuesOfTheWhole) {
  const auto whole = checkpoint_.load_generator(false, {}, {});
  std::map<std::string, Tensor> all;
  bool stays_quantised = false;
  for (const auto& [name, layer] : nn::linear_layers(*whole)) {
    if (layer->quantised || !nn::is_unbound(layer->weight)) all[name] = values_of(*layer);
    stays_quantised = stays_quantised || layer->quantised;
  }
  for (const int64_t ranks : {2, 3}) {
    int64_t quantised = 0;
    for (int64_t rank = 0; rank < ranks; ++rank) {
      const GeneratorShard shard{rank, ranks};
      const auto cuts = models::shard_cuts(checkpoint_.vision_language.text, shard);
      const auto module = checkpoint_.load_generator(false, {}, {}, {}, shard);
      for (const auto& [name, layer] : nn::linear_layers(*module)) {
        if (all.count(name) == 0) continue;
        SCOPED_TRACE(testing::Message() << name << " of rank " << rank << " of " << ranks);
        const auto* cut = io::find_cut(cuts, name + ".weight");
        ASSERT_NE(cut, nullptr);
        const auto expected = io::apply_cut(all[name], *cut);
        const auto found = values_of(*layer);
        ASSERT_EQ(found.sizes(), expected.sizes());
        if (layer->quantised) ++quantised;
        // A weight that a cut does not leave quantised is rounded to the type of computing.
        const double bound = layer->quantised || *GetParam().weights == 0 ? 0 : 0.01;
        EXPECT_LE(relative_error(found, expected), bound);
      }
    }
    EXPECT_EQ(quantised > 0, stays_quantised);
  }
}

TEST_P(GeneratorShards, TheirBytesAddUp) {
  const auto& whole = checkpoint_.generator_bytes(/*with_vision=*/false);
  int64_t memory = 0, stored = 0, all_stored = 0;
  for (int64_t rank = 0; rank < 2; ++rank) {
    const auto bytes = checkpoint_.shard_bytes(/*with_vision=*/false, {rank, 2});
    ASSERT_EQ(bytes.lists.size(), whole.lists.size());
    EXPECT_EQ(bytes.table, whole.table);
    // A quantised toy weight takes more where its groups do not outlast the cut.
    if (*GetParam().weights == 0) {
      EXPECT_LT(bytes.memory() - bytes.table, (whole.memory() - whole.table) * 3 / 4);
    }
    memory += bytes.memory();
    for (const auto& block : bytes.lists.front().blocks) stored += block.stored;
  }
  for (const auto& block : whole.lists.front().blocks) all_stored += block.stored;
  EXPECT_GE(memory, whole.memory());
  EXPECT_NEAR(static_cast<double>(stored), static_cast<double>(all_stored), 0.05 * all_stored);
}

INSTANTIATE_TEST_SUITE_P(Forms,
                         GeneratorShards,
                         testing::Values(StoredForm{"float32", "", DataType::kFloat32},
                                         StoredForm{"bfloat16", "", DataType::kBFloat16},
                                         StoredForm{"q8", "q8", DataType::kBFloat16},
                                         StoredForm{"q4", "q4", DataType::kFloat32}),
                         [](const auto& tested) { return tested.param.name; });

TEST(GeneratorShard, IsReadAnewForAnotherRank) {
  const torch::NoGradGuard no_grad;
  PipelineOptions options;
  options.residency = Residency::kAll;
  const auto checkpoint = Checkpoint::open(tiny_model_dir(), options);
  const auto rows = [&](const GeneratorShard& shard) {
    const auto module = checkpoint.load_generator(false, {}, {}, {}, shard);
    return module->named_parameters()["lm_head.weight"].size(0);
  };
  const int64_t all = checkpoint.vision_language.text.vision_vocab_size;
  EXPECT_EQ(rows({}), all);
  EXPECT_EQ(rows({1, 2}), all / 2);
  EXPECT_EQ(rows({1, 3}), all / 3);
  EXPECT_EQ(rows({}), all);
}

TEST(GeneratorShard, HasItsShareOfAnAdapter) {
  const torch::NoGradGuard no_grad;
  const TemporaryDirectory folder;
  const std::string prefix = "model.language_model.layers.1.";
  const int64_t hidden = 128, inner = 192;
  PipelineOptions options;
  options.adapters = {{write_adapter(folder.path(),
                                     "style",
                                     {random_update(pipeline::kVisionLanguage,
                                                    prefix + "mlp.gate_up_proj",
                                                    2 * inner,
                                                    hidden,
                                                    /*rank=*/4,
                                                    /*scale=*/1),
                                      random_update(pipeline::kVisionLanguage,
                                                    prefix + "mlp.down_proj",
                                                    hidden,
                                                    inner,
                                                    /*rank=*/4,
                                                    /*scale=*/1)},
                                     Spelling::kDiffusers),
                       1}};
  const auto checkpoint = Checkpoint::open(tiny_model_dir(), options);
  const std::vector<AdapterUse> uses = {{"style", 0.5}};
  const auto mlp_of = [&](const GeneratorShard& shard) {
    const auto model = checkpoint.load_generator(false, uses, {}, {}, shard);
    for (const auto& item : model->named_modules()) {
      if (item.key() != prefix + "mlp") continue;
      return std::dynamic_pointer_cast<models::GlmImageTextMLPImpl>(item.value());
    }
    return std::shared_ptr<models::GlmImageTextMLPImpl>();
  };
  const auto x = at::randn({1, 3, hidden});
  const auto expected = mlp_of({})->forward(x);
  Tensor sum = at::zeros_like(expected);
  for (int64_t rank = 0; rank < 3; ++rank) sum = sum + mlp_of({rank, 3})->forward(x);
  EXPECT_LE(relative_error(sum, expected), 1e-5);
}

TEST(GeneratorShard, TakesThePlaceOfAModelThatDoesNotFit) {
  // The memory that half of the generator needs, and not the whole.
  const auto checkpoint = Checkpoint::open(tiny_model_dir(), {});
  Request request;
  request.prompt = "a pot";
  request.width = request.height = 64;
  const auto resolved = pipeline::resolve_request(request, checkpoint);
  const auto half = pipeline::plan_request(checkpoint, resolved, nullptr, {0, 2});
  const auto whole = pipeline::plan_request(checkpoint, resolved);
  EXPECT_LT(half.memory.stages.front().weights, whole.memory.stages.front().weights);
  EXPECT_EQ(half.memory.stages.back().weights, whole.memory.stages.back().weights);
}

}  // namespace
}  // namespace glm_image::test
