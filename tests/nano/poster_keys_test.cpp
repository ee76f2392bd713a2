#include "nano/training/poster_keys.h"

#include <gtest/gtest.h>

#include "nano/training/poster_training_data.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

nano::PosterKeys read(const nlohmann::json& sizes) {
  std::vector<std::string> warnings;
  train::KeyReader reader(io::JsonFields({{"sizes", sizes}}, "config.json"), warnings);
  nano::PosterKeys keys;
  keys.visit(reader);
  return keys;
}

TEST(PosterKeys, SizesUpToTheEnginesLimit) {
  const auto keys = read({{{"width", 4096}, {"height", 32}}, {{"width", 32}, {"height", 4096}}});
  EXPECT_EQ(keys.sizes.at(0).width, 4096);
  EXPECT_EQ(keys.sizes.at(1).height, 4096);
}

TEST(PosterKeys, ErrorsNameTheKeyAndTheAllowedValues) {
  const auto list = [](const nlohmann::json& size) { return nlohmann::json::array({size}); };
  const std::vector<std::pair<nlohmann::json, std::vector<std::string>>> faults = {
      {list({{"width", 100}, {"height", 64}}), {"sizes", "multiples of 32"}},
      {3, {"sizes", "a list"}},
      {list({{"width", 4128}, {"height", 64}}), {"sizes", "width", "32 to 4096"}},
      {list({{"width", 64}, {"height", 64}, {"share", 0}}), {"sizes", "share above 0"}},
      {list({{"width", 64}, {"height", 64}, {"shares", 2}}),
       {"shares", "not a known key", "height, share, width"}}};
  for (const auto& [sizes, message] : faults) {
    expect_error(ErrorCode::kCorruptFile, message, [&, &sizes = sizes] { read(sizes); });
  }
}

template <typename Keys>
Keys read_stage_keys(const nlohmann::json& json, std::vector<std::string>& warnings) {
  train::KeyReader reader(io::JsonFields(json, "config.json"), warnings);
  Keys keys;
  keys.visit(reader);
  return keys;
}

// One name for one meaning: a weight's name says of what.
TEST(PosterKeys, FormerNamesOfLossWeightsAreAcceptedWithAWarning) {
  const nlohmann::json former = {
      {"text_weight", 3}, {"pictogram_weight", 4}, {"marked_letter_weight", 5}};
  std::vector<std::string> warnings;
  const auto latents = read_stage_keys<nano::PosterTransformerKeys>(former, warnings);
  EXPECT_EQ(latents.text_latent_weight, 3);
  EXPECT_EQ(latents.pictogram_latent_weight, 4);
  EXPECT_EQ(latents.marked_letter_latent_weight, 5);
  const auto tokens = read_stage_keys<nano::TeacherVqKeys>(former, warnings);
  EXPECT_EQ(tokens.text_token_weight, 3);
  EXPECT_EQ(tokens.pictogram_token_weight, 4);
  const auto pixels = read_stage_keys<nano::PosterVaeKeys>(former, warnings);
  EXPECT_EQ(pixels.text_pixel_weight, 3);
  EXPECT_EQ(pixels.marked_letter_pixel_weight, 5);
  ASSERT_EQ(warnings.size(), 7U);
  EXPECT_NE(warnings[0].find("'text_weight' is now called 'text_latent_weight'"), std::string::npos)
      << warnings[0];
}

TEST(PosterKeys, RemovedLossWeightsAreRefusedWithTheKeyThatReplacesThem) {
  for (const std::string name : {"first_weight", "decision_weight", "turn_weight"}) {
    std::vector<std::string> warnings;
    expect_error(
        ErrorCode::kCorruptFile,
        {"config.json: " + name + " must be absent, since 'change_weight' replaces it, found 16"},
        [&] {
          read_stage_keys<nano::PosterGeneratorKeys>({{name, 16}}, warnings);
        });
  }
}

TEST(PosterTrainingData, SizesFollowTheirShares) {
  const nano::PosterTrainingData data(project_dir() / "data" / "posters",
                                      /*seed=*/0,
                                      /*batch=*/8,
                                      {{{256, 192, 3}, {64, 64, 1}}, /*posters=*/0});
  int64_t wide = 0;
  for (int64_t step = 0; step < 4000; ++step) wide += data.size_at(step).width == 256 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(wide) / 4000, 0.75, 0.03);
}

}  // namespace
}  // namespace glm_image::test
