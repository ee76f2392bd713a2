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
