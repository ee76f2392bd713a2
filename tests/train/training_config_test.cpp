#include "train/training_config.h"

#include <nlohmann/json.hpp>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

nlohmann::ordered_json valid() {
  return {
      {"stage", "vae"},
      {"run", "runs/a"},
      {"data", "data"},
      {"model", "model"},
      {"sizes", {{{"width", 256}, {"height", 192}, {"share", 3}}, {{"width", 64}, {"height", 64}}}},
      {"batch", 8},
      {"steps", 100},
      {"learning_rate", 1e-3}};
}

train::TrainingConfig load(const nlohmann::ordered_json& json) {
  TemporaryDirectory folder;
  write_file(folder.path() / "config.json", json.dump(2));
  return train::TrainingConfig::load(folder.path() / "config.json");
}

TEST(TrainingConfig, PathsStartAtTheFile) {
  TemporaryDirectory folder;
  write_file(folder.path() / "config.json", valid().dump(2));
  const auto config = train::TrainingConfig::load(folder.path() / "config.json");
  EXPECT_EQ(config.run, folder.path() / "runs" / "a");
  EXPECT_EQ(config.batch, 8);
  EXPECT_EQ(config.loop.learning_rate.steps, 100);
}

TEST(TrainingConfig, SizesComeInTheirShares) {
  const auto config = load(valid());
  int64_t wide = 0;
  for (int64_t step = 0; step < 4000; ++step) wide += config.size_at(step).width == 256 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(wide) / 4000, 0.75, 0.03);
}

TEST(TrainingConfig, SizesGoToTheEnginesLargest) {
  auto json = valid();
  json["sizes"] = {{{"width", 4096}, {"height", 32}}, {{"width", 32}, {"height", 4096}}};
  EXPECT_EQ(load(json).sizes.at(0).width, 4096);
  EXPECT_EQ(load(json).sizes.at(1).height, 4096);
}

// The configs that the project ships, with their own paths.
TEST(TrainingConfig, RecordedConfigsAreRead) {
  for (const char* file : {"nano/vae",
                           "nano/vae_decoder",
                           "nano/tokenizer",
                           "nano/decoder",
                           "nano/generator",
                           "adapt/decoder",
                           "adapt/generator"}) {
    const auto path = project_dir() / "training" / (std::string(file) + ".json");
    EXPECT_GT(train::TrainingConfig::load(path).loop.steps, 0) << file;
  }
}

struct Fault {
  std::string key;
  nlohmann::json value;
  std::vector<std::string> message;
};

TEST(TrainingConfig, AFaultNamesTheLineTheKeyAndWhatIsAllowed) {
  const std::vector<Fault> faults = {
      {"batch", 0, {"line 17", "batch", "1 to 4096", "0"}},
      {"batch", "eight", {"line 17", "batch", "an integer"}},
      {"learning_rate", -1, {"line 19", "learning_rate", "-1"}},
      {"steps", nullptr, {"steps", "an integer", "nothing"}},
      {"dtype", "float8", {"dtype", "bfloat16", "float32"}},
      {"sizes",
       nlohmann::json::array({{{"width", 100}, {"height", 64}}}),
       {"sizes", "multiples of 32"}},
      {"sizes", 3, {"sizes", "a list"}},
      {"sizes",
       nlohmann::json::array({{{"width", 4128}, {"height", 64}}}),
       {"sizes", "width", "32 to 4096"}},
      {"sizes",
       nlohmann::json::array({{{"width", 64}, {"height", 64}, {"share", 0}}}),
       {"sizes", "share above 0"}},
      {"sizes",
       nlohmann::json::array({{{"width", 64}, {"height", 64}, {"shares", 2}}}),
       {"shares", "no key", "height, share, width"}},
  };
  for (const auto& fault : faults) {
    auto json = valid();
    json[fault.key] = fault.value;
    expect_error(ErrorCode::kCorruptFile, fault.message, [&] { load(json); });
  }
}

}  // namespace
}  // namespace glm_image::test
