// training/nano/ablations.json and plan.json change keys that exist to values that are allowed.

#include <nlohmann/json.hpp>

#include "nano/training/poster_keys.h"
#include "support/test_support.h"
#include "train/config/stage_keys.h"
#include "train/config/stage_names.h"
#include "train/config/training_config.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json committed_json(const std::string& name) {
  return json::parse(read_file(project_dir() / "training" / "nano" / name));
}

/// Reads all keys of a stage's config with the changed keys of its object, as the stage does.
train::TrainingConfig read_changed(const std::string& stage, const json& change) {
  auto config = committed_json(stage + ".json");
  config[stage].update(change);
  const TemporaryDirectory folder;
  write_file(folder.path() / "config.json", config.dump(2));
  auto read = train::TrainingConfig::load(folder.path() / "config.json");
  read.read<nano::PosterKeys>();
  if (stage == train::kTransformerStage) {
    read.read_stage<train::TransformerKeys>();
    read.read_stage<nano::PosterTransformerKeys>();
  } else {
    read.read_stage<train::GeneratorKeys>();
    read.read_stage<nano::PosterGeneratorKeys>();
  }
  read.refuse_unread();
  return read;
}

TEST(Ablations, ChangeKnownKeysFromTheirCommittedValues) {
  const auto ablations = committed_json("ablations.json");
  for (const auto& [stage, plan] : ablations.items()) {
    ASSERT_TRUE(stage == train::kTransformerStage || stage == train::kGeneratorStage) << stage;
    const auto committed = committed_json(stage + ".json").at(stage);
    EXPECT_TRUE(plan.at("variants").at("all").empty());
    for (const auto& [variant, change] : plan.at("variants").items()) {
      SCOPED_TRACE(stage + ", " + variant);
      EXPECT_NO_THROW(read_changed(stage, change));
      for (const auto& [key, value] : change.items()) {
        // "counting_bias" is on by default.
        EXPECT_NE(committed.value(key, json(true)), value) << key;
      }
    }
  }
}

// A head with a weight above 0 in the committed configs has a variant without it.
TEST(Ablations, EveryAuxiliaryHeadIsLeftOutOnce) {
  const auto ablations = committed_json("ablations.json");
  for (const auto& [stage, plan] : ablations.items()) {
    const auto committed = committed_json(stage + ".json").at(stage);
    for (const char* head :
         {"letter_weight", "position_weight", "class_weight", "scene_weight", "counting_weight"}) {
      if (committed.value(head, 0.0) == 0) continue;
      bool is_left_out = false;
      for (const auto& [variant, change] : plan.at("variants").items()) {
        is_left_out |= change.contains(head) && change.at(head) == 0;
      }
      EXPECT_TRUE(is_left_out) << stage << ": " << head;
    }
  }
}

TEST(NanoPlan, NamesConfigsWhoseSharesSumToAtMostOne) {
  const auto plan = committed_json("plan.json");
  double shares = plan.at("edits").at("share");
  for (const auto& stage : plan.at("stages")) {
    shares += stage.value("share", 0.0);
    const auto config = committed_json(stage.at("config"));
    EXPECT_TRUE(config.contains("stage")) << stage;
  }
  EXPECT_GT(shares, 0.9);
  EXPECT_LE(shares, 1);
  for (const auto& [stage, change] : plan.at("quick").at("stages").items()) {
    if (stage == nano::kVocabularyStage) continue;
    EXPECT_NO_THROW(read_changed(stage, change)) << stage;
  }
}

}  // namespace
}  // namespace glm_image::test
