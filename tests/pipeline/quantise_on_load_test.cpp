// Weights that are quantised when they are read are those of a quantised copy of the model.

#include "nn/cpu_kernels.h"
#include "nn/modules.h"
#include "nn/quantised_matrix.h"
#include "pipeline/base_weights.h"
#include "support/quantised_copy.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

void expect_same_layers(const torch::nn::Module& made, const torch::nn::Module& stored) {
  const auto expected = nn::linear_layers(stored);
  const auto layers = nn::linear_layers(made);
  ASSERT_EQ(layers.size(), expected.size());
  int64_t quantised = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& [name, layer] = layers[i];
    const auto& other = *expected[i].second;
    ASSERT_EQ(layer->quantised == nullptr, other.quantised == nullptr) << name;
    if (layer->quantised == nullptr) continue;
    ++quantised;
    EXPECT_TRUE(at::equal(layer->quantised->values(), other.quantised->values())) << name;
  }
  EXPECT_GT(quantised, 0);
}

TEST(QuantiseOnLoad, MakesTheWeightsOfAQuantisedCopy) {
  if (!nn::kHaveKernels) GTEST_SKIP() << "weights stay quantised only with the CPU kernels";
  const torch::NoGradGuard no_grad;
  // The stored types differ: copies hold bfloat16 where the original has float32.
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  const auto original = pipeline::Checkpoint::open(tiny_model_dir(), options);
  for (const std::string form : {"q8", "q4"}) {
    TemporaryDirectory folder;
    write_quantised_copy(tiny_model_dir(), form, folder.path() / form);
    const auto copy = pipeline::Checkpoint::open(folder.path() / form, options);
    pipeline::LoadPlan plan;
    plan.quantise_to = form;
    expect_same_layers(*original.load_transformer({}, {}, plan), *copy.load_transformer({}, {}));
    expect_same_layers(*original.load_generator(/*with_vision=*/false, {}, {}, plan),
                       *copy.load_generator(/*with_vision=*/false, {}, {}));
    // The prediction is what loading the copy is predicted to take.
    EXPECT_EQ(pipeline::bytes_on_load(original, pipeline::kTransformer, form).memory(),
              copy.weight_bytes(pipeline::kTransformer).memory());
    EXPECT_EQ(pipeline::bytes_on_load(original, pipeline::kVisionLanguage, form).memory(),
              copy.generator_bytes(/*with_vision=*/false).memory());
    // What is quantised stays so.
    EXPECT_TRUE(pipeline::has_quantised_files(copy, pipeline::kTransformer));
    expect_same_layers(*copy.load_transformer({}, {}, plan), *copy.load_transformer({}, {}));
  }
  EXPECT_FALSE(pipeline::has_quantised_files(original, pipeline::kTransformer));
}

}  // namespace
}  // namespace glm_image::test
