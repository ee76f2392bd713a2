// The memory plan of `train lora` at the published sizes, of which only the headers are written.

#include "train/lora/lora_memory.h"

#include "tools/published_headers.h"

namespace glm_image::test {
namespace {

constexpr int64_t kGigabyte = 1'000'000'000;

pipeline::Checkpoint open_limited(const std::filesystem::path& model, int64_t max_memory_bytes) {
  PipelineOptions options;
  options.dtype = DataType::kBFloat16;
  options.vae_dtype = DataType::kFloat32;
  options.max_memory_bytes = max_memory_bytes;
  return pipeline::Checkpoint::open(model, options);
}

train::LoraOptions lora_at_512() {
  train::LoraOptions options;
  options.size = 512;
  options.sample_prompts = {"A poster: \"OPEN\""};
  return options;
}

constexpr train::LoraDataSizes kCaptions{/*references=*/0, /*prompt_tokens=*/60, /*glyphs=*/30};

void expect_all_fit(const train::LoraMemory& memory) {
  for (const auto& phase : memory.phases) {
    EXPECT_LE(phase.total(), memory.allowed) << phase.name;
    EXPECT_GT(phase.working, 0) << phase.name;
  }
}

TEST(PublishedLoraMemory, TakesASmallerBaseWhereTheLimitAsksForIt) {
  const TemporaryDirectory folder;
  const auto model = folder.path() / "model";
  write_headers(model, "bf16");
  const auto roomy =
      train::plan_lora_memory(open_limited(model, 64 * kGigabyte), kCaptions, lora_at_512());
  EXPECT_EQ(roomy.transformer_base, "");
  EXPECT_EQ(roomy.generator_base, "");
  EXPECT_TRUE(roomy.is_given);
  expect_all_fit(roomy);

  const auto tight =
      train::plan_lora_memory(open_limited(model, 12 * kGigabyte), kCaptions, lora_at_512());
  for (const auto& base : {tight.transformer_base, tight.generator_base}) {
    EXPECT_TRUE(base == "q8" || base == "q4") << base;
  }
  expect_all_fit(tight);
  // 8 bits are about half of bfloat16, 4 bits a quarter.
  const auto& whole = roomy.training("transformer");
  const auto& smaller = tight.training("transformer");
  EXPECT_LT(smaller.resident, 0.6 * static_cast<double>(whole.resident));
  EXPECT_GT(smaller.resident, 0.2 * static_cast<double>(whole.resident));
  EXPECT_EQ(smaller.adapter, whole.adapter);
}

TEST(PublishedLoraMemory, RefusesWithTheLeastThatWorks) {
  const TemporaryDirectory folder;
  const auto model = folder.path() / "model";
  write_headers(model, "bf16");
  auto options = lora_at_512();
  options.batch = 4;
  options.sample_prompts.clear();
  expect_error(
      ErrorCode::kInvalidInput,
      {"training the transformer at --size 512",
       "3.0 GB are allowed (max-memory)",
       "The least at this size is",
       "--base q4 --batch 1"},
      [&] { train::plan_lora_memory(open_limited(model, 3 * kGigabyte), kCaptions, options); });
  options.base = "bf16";
  expect_error(ErrorCode::kInvalidInput, {"12.0 GB are allowed", "--base q4"}, [&] {
    train::plan_lora_memory(open_limited(model, 12 * kGigabyte), kCaptions, options);
  });
}

TEST(PublishedLoraMemory, TrainsAQuantisedCopyAsItIs) {
  const TemporaryDirectory folder;
  const auto model = folder.path() / "model";
  write_headers(model, "q4");
  const auto checkpoint = open_limited(model, 12 * kGigabyte);
  const auto memory = train::plan_lora_memory(checkpoint, kCaptions, lora_at_512());
  EXPECT_EQ(memory.transformer_base, "");
  expect_all_fit(memory);
  auto options = lora_at_512();
  options.base = "q8";
  expect_error(ErrorCode::kInvalidInput, {"--base must be auto", "found q8"}, [&] {
    train::plan_lora_memory(checkpoint, kCaptions, options);
  });
}

TEST(PublishedLoraMemory, GrowsWithWhatIsTrained) {
  const TemporaryDirectory folder;
  const auto model = folder.path() / "model";
  write_headers(model, "q4");
  const auto checkpoint = open_limited(model, 200 * kGigabyte);
  const auto plain = train::plan_lora_memory(checkpoint, kCaptions, lora_at_512());
  const auto working =
      [&](const char* part, const train::LoraOptions& options, int64_t references) {
        auto captions = kCaptions;
        captions.references = references;
        const auto memory = train::plan_lora_memory(checkpoint, captions, options);
        return memory.training(part).working;
      };
  for (const char* part : {"transformer", "generator"}) {
    const auto least = plain.training(part).working;
    auto options = lora_at_512();
    options.batch = 2;
    EXPECT_GT(working(part, options, 0), least) << part;
    options.batch = 1;
    options.recompute = false;
    EXPECT_GT(working(part, options, 0), 4 * least) << part;
    options.recompute = true;
    options.prior_data = "drawings";
    EXPECT_GT(working(part, options, 0), least) << part;
    EXPECT_LT(working(part, options, 0), 2 * least) << part;
    // References: with them the generator predicts no preview.
    EXPECT_GT(working(part, lora_at_512(), 2), least) << part;
  }
}

}  // namespace
}  // namespace glm_image::test
