// Requests and results come through a message as they went in.

#include "cluster/draw_message.h"

#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::DrawPart;
using cluster::Way;

Image image_of(int64_t width, int64_t height, int first) {
  Image image;
  image.width = width;
  image.height = height;
  for (int64_t i = 0; i < width * height * 3; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(first + i));
  }
  return image;
}

Composition composition_of(int64_t first) {
  Composition composition;
  composition.picture = {1, 2, {first, first + 1}};
  composition.conditions = {{2, 1, {7, 8}}};
  composition.preview = {1, 1, {9}};
  return composition;
}

void expect_equal(const TokenGrid& a, const TokenGrid& b) {
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.tokens, b.tokens);
}

void expect_equal(const Composition& a, const Composition& b) {
  expect_equal(a.picture, b.picture);
  expect_equal(a.preview, b.preview);
  ASSERT_EQ(a.conditions.size(), b.conditions.size());
  for (size_t i = 0; i < a.conditions.size(); ++i) expect_equal(a.conditions[i], b.conditions[i]);
}

TEST(DrawMessage, ARequest) {
  DrawPart part;
  part.id = 12;
  part.ranks = {3, 1};
  part.way = Way::kGuidance;
  part.shares_generator = true;
  part.wire = cluster::Wire::kInt8;
  auto& request = part.request;
  request.verify = true;
  request.best_of = 4;
  request.prompt = "Une affiche « Marché »\n\"x\"";
  request.texts = {"été", ""};
  request.glyph_rules = GlyphRules::kReference;
  request.condition_images = {image_of(2, 1, 5), image_of(1, 3, 90)};
  request.width = 64;
  request.height = 96;
  request.steps = 7;
  request.guidance = 1.1;  // no finite binary fraction
  request.solver = Solver::kMultistep;
  request.guided = GuidanceInterval{0.1, 0.7};
  request.guidance_every = 3;
  request.step_cache = 0.05;
  request.reference_pixels = 4096;
  request.seed = 18446744073709551615U;
  request.count = 3;
  request.temperature = 0.9;
  request.top_p = 0.75;
  request.adapters = std::vector<AdapterUse>{{"style", -0.3}};
  request.previews = 2;
  request.composition = composition_of(3);
  const auto read = cluster::part_from(cluster::draw_message(part));
  EXPECT_EQ(read.id, part.id);
  EXPECT_EQ(read.ranks, part.ranks);
  EXPECT_EQ(read.way, part.way);
  EXPECT_TRUE(read.shares_generator);
  EXPECT_EQ(read.wire, part.wire);
  EXPECT_TRUE(read.request.verify);
  EXPECT_EQ(read.request.best_of, 4);
  EXPECT_EQ(read.request.prompt, request.prompt);
  EXPECT_EQ(read.request.texts, request.texts);
  EXPECT_EQ(read.request.glyph_rules, request.glyph_rules);
  ASSERT_EQ(read.request.condition_images.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.request.condition_images[i].width, request.condition_images[i].width);
    EXPECT_EQ(read.request.condition_images[i].pixels, request.condition_images[i].pixels);
  }
  EXPECT_EQ(read.request.width, 64);
  EXPECT_EQ(read.request.height, 96);
  EXPECT_EQ(read.request.steps, request.steps);
  EXPECT_EQ(read.request.guidance, request.guidance);
  EXPECT_EQ(read.request.solver, request.solver);
  EXPECT_EQ(read.request.guided->begin, 0.1);
  EXPECT_EQ(read.request.guided->end, 0.7);
  EXPECT_EQ(read.request.guidance_every, request.guidance_every);
  EXPECT_EQ(read.request.step_cache, request.step_cache);
  EXPECT_EQ(read.request.reference_pixels, request.reference_pixels);
  EXPECT_EQ(read.request.seed, request.seed);
  EXPECT_EQ(read.request.count, 3);
  EXPECT_EQ(read.request.temperature, request.temperature);
  EXPECT_EQ(read.request.top_p, request.top_p);
  ASSERT_EQ(read.request.adapters->size(), 1U);
  EXPECT_EQ(read.request.adapters->at(0).name, "style");
  EXPECT_EQ(read.request.adapters->at(0).scale, -0.3);
  EXPECT_EQ(read.request.previews, 2);
  EXPECT_FALSE(read.request.draft);
  expect_equal(*read.request.composition, *request.composition);
}

TEST(DrawMessage, AResult) {
  Result result;
  result.pictures = {{image_of(3, 2, 1), 5, composition_of(1)}, {image_of(1, 1, 9), 6, {}}};
  result.pictures[1].composition.picture = {1, 1, {}};
  result.pictures[1].composition.preview = {1, 1, {4}};
  result.spelled_texts = {"a", "b"};
  result.stages = {{Stage::kDenoising, 1.25, 77}};
  result.prompt_tokens = 1;
  result.condition_tokens = 2;
  result.generated_tokens = 3;
  const auto message = cluster::result_message(9, result);
  EXPECT_EQ(cluster::part_of(message), 9);
  const auto read = cluster::result_from(message);
  ASSERT_EQ(read.pictures.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.pictures[i].image.width, result.pictures[i].image.width);
    EXPECT_EQ(read.pictures[i].image.pixels, result.pictures[i].image.pixels);
    EXPECT_EQ(read.pictures[i].seed, result.pictures[i].seed);
    expect_equal(read.pictures[i].composition, result.pictures[i].composition);
  }
  EXPECT_EQ(read.spelled_texts, result.spelled_texts);
  ASSERT_EQ(read.stages.size(), 1U);
  EXPECT_EQ(read.stages[0].stage, Stage::kDenoising);
  EXPECT_EQ(read.stages[0].seconds, 1.25);
  EXPECT_EQ(read.stages[0].peak_memory_bytes, 77);
  EXPECT_EQ(read.generated_tokens, 3);
}

TEST(DrawMessage, MissingBytesAndFieldsAreErrors) {
  Result result;
  result.pictures = {{image_of(3, 2, 1), 5, composition_of(1)}};
  auto message = cluster::result_message(1, result);
  message.body.pop_back();
  expect_error(ErrorCode::kInternal, {"too few bytes"}, [&] { cluster::result_from(message); });
  message.head.erase("pictures");
  expect_error(ErrorCode::kInternal, {"pictures"}, [&] { cluster::result_from(message); });
}

}  // namespace
}  // namespace glm_image::test
