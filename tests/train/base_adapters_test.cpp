// Training on top of adapters that belong to the base.

#include "train/lora/base_adapters.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "io/safetensors.h"
#include "pipeline/merge_adapters.h"
#include "support/adapter_files.h"
#include "support/reference.h"
#include "train/lora/lora_memory.h"
#include "train/lora/train_lora.h"
#include "train/small_lora_run.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBaseRank = 2;
constexpr const char* kTransformerLayer = "transformer_blocks.1.attn1.to_q";
constexpr const char* kGeneratorLayer = "model.language_model.layers.0.self_attn.o_proj";

/// An adapter of random numbers, large enough to change every loss.
fs::path write_base_adapter(const fs::path& folder, const std::string& name) {
  at::manual_seed(3);
  const auto transformer = random_update("transformer", kTransformerLayer, 64, 64, kBaseRank, 4);
  const auto generator =
      random_update("vision_language_encoder", kGeneratorLayer, 128, 128, kBaseRank, 4);
  return write_adapter(folder, name, {transformer, generator}, Spelling::kDiffusers);
}

/// The values of a metric of both parts, in the order of steps.
std::vector<double> metric_of(const train::LoraOptions& options, const char* metric) {
  std::vector<double> values;
  for (const char* part : {"transformer", "generator"}) {
    std::istringstream lines(
        read_file(train::lora_run_folder(options.output) / part / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      values.push_back(nlohmann::json::parse(line).at(metric).get<double>());
    }
  }
  return values;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double most = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    most = std::max(most, std::abs(a[i] - b[i]) / std::abs(b[i]));
  }
  return most;
}

train::LoraOptions small_run(const fs::path& folder) {
  auto options = small_lora_run(folder);
  options.pipeline.dtype = DataType::kFloat32;
  return options;
}

train::LoraOptions on_top_of(const fs::path& adapter, double scale, const fs::path& folder) {
  auto options = small_run(folder);
  options.prior_data = folder / "drawings";
  fs::create_directories(options.prior_data);
  add_picture(options.prior_data, "e.png", plain_picture(64, 64, 7), "A ship");
  add_picture(options.prior_data, "f.png", plain_picture(96, 64, 8), "A tower: \"SEA\"");
  options.pipeline.adapters = {{adapter, scale}};
  return options;
}

/// A model with an adapter merged into it is the same model, so that another adapter learns the
/// same.
TEST(BaseAdapters, ActAsIfTheyWereMerged) {
  TemporaryDirectory folder, beside, merged, plain;
  const auto first = write_base_adapter(folder.path(), "first");
  const auto with_adapter = on_top_of(first, 0.5, beside.path());
  ASSERT_TRUE(train::train_lora(with_adapter, {}));

  auto with_merged = on_top_of(first, 0.5, merged.path());
  with_merged.pipeline.adapters.clear();
  with_merged.model = folder.path() / "merged";
  pipeline::write_merged(
      pipeline::plan_merge(tiny_model_dir(), {{first, 0.5}}), with_merged.model, /*threads=*/1, {});
  ASSERT_TRUE(train::train_lora(with_merged, {}));

  auto without = on_top_of(first, 0.5, plain.path());
  without.pipeline.adapters.clear();
  ASSERT_TRUE(train::train_lora(without, {}));
  // The prior loss begins at 0. It would be large if the adapter did not belong to its target.
  const auto loss = metric_of(with_adapter, "loss");
  EXPECT_LT(largest_difference(loss, metric_of(with_merged, "loss")), 1e-3);
  EXPECT_GT(largest_difference(loss, metric_of(without, "loss")), 0.01);
  const auto prior = metric_of(with_adapter, "prior_loss");
  const double most = *std::max_element(prior.begin(), prior.end());
  const auto merged_prior = metric_of(with_merged, "prior_loss");
  EXPECT_LT(most, 2 * *std::max_element(merged_prior.begin(), merged_prior.end()) + 1e-6);

  const auto metadata = io::SafetensorsFile::open(with_adapter.output)->header().metadata;
  EXPECT_EQ(nlohmann::json::parse(metadata.at("glm_image_base_adapters")),
            nlohmann::json::parse(R"([{"name": "first", "scale": 0.5}])"));
  const auto of_merged = io::SafetensorsFile::open(with_merged.output)->header().metadata;
  EXPECT_EQ(of_merged.count("glm_image_base_adapters"), 0U);
}

TEST(BaseAdapters, AreSettingsOfTheRun) {
  TemporaryDirectory folder;
  // The name of the file from which the generator's samples are drawn.
  const auto first = write_base_adapter(folder.path(), "transformer");
  auto options = small_run(folder.path());
  options.pipeline.adapters = {{first, 0.5}};
  options.sample_prompts = {"A pear"};
  options.sample_steps = 1;
  options.steps = 2;
  ASSERT_TRUE(train::train_lora(options, {}));
  options.pipeline.adapters = {{first, 0.25}};
  expect_error(
      ErrorCode::kInvalidInput,
      {"other settings (adapters transformer:0.5 ", " instead of adapters transformer:0.25"},
      [&] { train::train_lora(options, {}); });
  options.pipeline.adapters.clear();
  expect_error(ErrorCode::kInvalidInput, {"other settings (adapters transformer:0.5 "}, [&] {
    train::train_lora(options, {});
  });

  options.pipeline.adapters = {{first, 0.5}};
  options.output = first;
  expect_error(ErrorCode::kInvalidInput, {"transformer.safetensors", "--output"}, [&] {
    train::train_lora(options, {});
  });
  options.output = folder.path() / "other.safetensors";
  options.pipeline.adapters.assign(16, {first, 0.5});
  expect_error(ErrorCode::kInvalidInput, {"--lora", "at most 15 times"}, [&] {
    train::train_lora(options, {});
  });
}

TEST(BaseAdapters, AreInTheMemoryPlan) {
  TemporaryDirectory folder;
  auto options = small_run(folder.path());
  const train::LoraDataSizes sizes{/*references=*/0, /*prompt_tokens=*/20, /*glyph_tokens=*/5};
  const auto plan = [&] {
    return train::plan_lora_memory(
        pipeline::Checkpoint::open(options.model, options.pipeline), sizes, options);
  };
  const auto without = plan();
  options.pipeline.adapters = {{write_base_adapter(folder.path(), "first"), 1}};
  const auto with = plan();
  const auto more = [&](const char* part) {
    return with.training(part).total() - without.training(part).total();
  };
  EXPECT_EQ(more("transformer"), 4 * kBaseRank * (64 + 64));
  EXPECT_EQ(more("generator"), 4 * kBaseRank * (128 + 128));
}

}  // namespace
}  // namespace glm_image::test
