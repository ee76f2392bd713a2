// The memory plan of checkpoints of the published sizes, of which only the headers are written, and
// that a run keeps to its plan.

#include "core/byte_size.h"
#include "core/memory.h"
#include "glm_image/pipeline.h"
#include "pipeline/working_memory.h"
#include "tools/published_headers.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
namespace maker = random_checkpoint;

constexpr int64_t kGiB = int64_t{1} << 30;

Pipeline load_limited(const fs::path& model, int64_t max_memory_bytes) {
  PipelineOptions options;
  options.dtype = options.vae_dtype = DataType::kBFloat16;
  options.max_memory_bytes = max_memory_bytes;
  return Pipeline::load(model, options);
}

Request large_picture(int64_t conditions) {
  Request request;
  request.prompt = "A poster: \"OPEN\"";
  request.width = request.height = 1024;
  for (int64_t i = 0; i < conditions; ++i) {
    request.condition_images.push_back({1024, 1024, std::vector<uint8_t>(3 * 1024 * 1024)});
  }
  return request;
}

StageMemory stage_of(const MemoryPlan& plan, const std::string& name) {
  for (const auto& stage : plan.stages) {
    if (stage.stage == name) return stage;
  }
  ADD_FAILURE() << "no stage " << name;
  return {};
}

TEST(PublishedMemoryPlan, StreamsBfloat16InEightGibibytes) {
  const TemporaryDirectory folder;
  write_headers(folder.path() / "model", "bf16");
  const auto pipeline = load_limited(folder.path() / "model", 8 * kGiB);
  const auto plan = pipeline.memory_plan(large_picture(0));
  EXPECT_EQ(plan.allowed, 8 * kGiB);
  EXPECT_TRUE(plan.is_given);
  for (const auto& stage : plan.stages) {
    EXPECT_LE(stage.total, plan.allowed) << stage.stage;
    EXPECT_EQ(stage.total, plan.program + stage.resident + stage.working) << stage.stage;
  }
  EXPECT_NO_THROW(pipeline.check(large_picture(0)));

  // Bytes of a layer and a block by the sizes of the configs, written out by hand.
  const int64_t d = 4096, inner = 13696, kv = 2 * 128;
  const int64_t layer = 2 * (d * d + 2 * d * kv + (d + 2 * kv) + d * d + 3 * d * inner + 4 * d);
  const auto compose = stage_of(plan, "compose");
  EXPECT_EQ(compose.streamed % layer, 0);
  const int64_t layers_streamed = compose.streamed / layer;
  EXPECT_GT(layers_streamed, 20);
  EXPECT_LT(layers_streamed, 40);
  EXPECT_GT(compose.total + layer, plan.allowed) << "one more layer could stay";

  const auto linear = [](int64_t in, int64_t out) { return in * out + out; };
  const int64_t block =
      2 * (linear(512, 12 * d) + 4 * linear(d, d) + linear(d, 4 * d) + linear(4 * d, d));
  const auto paint = stage_of(plan, "paint");
  EXPECT_EQ(paint.streamed % block, 0);
  EXPECT_GT(paint.streamed / block, 10);
  EXPECT_LT(paint.streamed / block, 30);
  EXPECT_GT(paint.total + block, plan.allowed);

  for (const char* const whole : {"spell", "decode"}) {
    EXPECT_EQ(stage_of(plan, whole).streamed, 0) << whole;
  }
}

TEST(PublishedMemoryPlan, FourBitsFitIntoEightGibibytesWhole) {
  const TemporaryDirectory folder;
  write_headers(folder.path() / "model", "q4");
  const auto pipeline = load_limited(folder.path() / "model", 8 * kGiB);
  for (const int64_t conditions : {0, 1}) {
    const auto plan = pipeline.memory_plan(large_picture(conditions));
    EXPECT_EQ(plan.stages.size(), conditions == 0 ? 4U : 5U);
    for (const auto& stage : plan.stages) {
      EXPECT_EQ(stage.streamed, 0) << stage.stage;
      EXPECT_LE(stage.total, plan.allowed) << stage.stage;
    }
    EXPECT_NO_THROW(pipeline.check(large_picture(conditions)));
  }
}

TEST(PublishedMemoryPlan, RefusesByTheNameOfTheStageWhatCannotFit) {
  const TemporaryDirectory folder;
  write_headers(folder.path() / "model", "bf16");
  const auto pipeline = load_limited(folder.path() / "model", 1'500'000'000);
  const auto plan = pipeline.memory_plan(large_picture(0));
  const auto decode = stage_of(plan, "decode");
  EXPECT_GT(decode.total, plan.allowed);
  expect_error(ErrorCode::kInvalidInput,
               {"stage", byte_size_text(plan.allowed), "max-memory", "1024x1024"},
               [&] { pipeline.check(large_picture(0)); });
  // The stage that is named comes first of those that do not fit.
  for (const auto& stage : plan.stages) {
    if (stage.total <= plan.allowed) continue;
    expect_error(ErrorCode::kInvalidInput,
                 {"stage " + stage.stage, byte_size_text(stage.total)},
                 [&] { pipeline.check(large_picture(0)); });
    break;
  }
}

/// A transformer of 14 blocks with 25 MB each; all else is tiny.
maker::ConfigFiles wide_configs() {
  auto configs = maker::published_configs();
  maker::apply_changes(configs, maker::tiny_changes(), "tiny");
  maker::apply_changes(configs,
                       nlohmann::ordered_json::parse(R"({"transformer/config.json": {
                         "attention_head_dim": 64, "num_attention_heads": 16, "num_layers": 14
                       }})"),
                       "wide");
  return configs;
}

Request small_picture() {
  Request request;
  request.prompt = "A poster: \"OPEN\"";
  request.width = request.height = 64;
  request.steps = 2;
  request.seed = 3;
  // The generator does not run.
  Composition composition;
  composition.picture = {2, 2, {1, 2, 3, 4}};
  request.composition = composition;
  return request;
}

/// The picture, and the most memory of the denoising stage beyond what the process had before.
std::pair<Image, int64_t> draw_measured(Pipeline& pipeline) {
  reset_peak_resident_bytes();
  const int64_t before = peak_resident_bytes();
  const auto result = pipeline.generate(small_picture());
  int64_t peak = 0;
  for (const auto& stage : result.stages) {
    if (stage.stage == Stage::kDenoising) peak = stage.peak_memory_bytes - before;
  }
  return {result.pictures.at(0).image, peak};
}

TEST(StreamedRun, KeepsToItsPlanAndDrawsTheSamePicture) {
  const TemporaryDirectory folder;
  const auto model = folder.path() / "model";
  const auto configs = wide_configs();
  maker::write_checkpoint(
      configs,
      maker::plan_components(configs, quant::FormRules("bf16", ""), uint64_t{1} << 40),
      /*seed=*/1,
      model,
      {});
  // The least that every stage needs, and room for two more blocks.
  int64_t allowed = 0;
  for (const auto& stage : load_limited(model, 1).memory_plan(small_picture()).stages) {
    allowed = std::max(allowed, stage.total);
  }
  allowed += 2 * 2 * 12 * 1024 * 1024;

  auto whole = load_limited(model, 0);
  EXPECT_EQ(stage_of(whole.memory_plan(small_picture()), "paint").streamed, 0);
  const auto [expected, all_bytes] = draw_measured(whole);
  auto limited = load_limited(model, allowed);
  const auto paint = stage_of(limited.memory_plan(small_picture()), "paint");
  ASSERT_GT(paint.streamed, paint.weights / 2);
  const auto [picture, bytes] = draw_measured(limited);
  EXPECT_EQ(picture.pixels, expected.pixels);
  EXPECT_LE(bytes, paint.resident + paint.working);
  EXPECT_GT(all_bytes, paint.weights / 10 * 9) << "the measure sees mapped weights";
}

}  // namespace
}  // namespace glm_image::test
