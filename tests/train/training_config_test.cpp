#include "train/config/training_config.h"

#include <nlohmann/json.hpp>

#include "support/test_support.h"
#include "train/config/stage_keys.h"
#include "train/lora/lora_keys.h"

namespace glm_image::test {
namespace {

nlohmann::ordered_json valid() {
  return {{"stage", "vae"},
          {"run", "runs/a"},
          {"data", "data"},
          {"model", "model"},
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

// The configs that ship with the project, with their own paths.
TEST(TrainingConfig, RecordedConfigsAreRead) {
  for (const char* file : {"nano/vae",
                           "nano/vae_decoder",
                           "nano/vq",
                           "nano/transformer",
                           "nano/generator",
                           "adapt/transformer",
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

TEST(TrainingConfig, ErrorsNameTheLineTheKeyAndTheAllowedValues) {
  const std::vector<Fault> faults = {
      {"batch", 0, {"line 6", "batch", "1 to 4096", "0"}},
      {"batch", "eight", {"line 6", "batch", "an integer"}},
      {"learning_rate", -1, {"line 8", "learning_rate", "-1"}},
      {"steps", nullptr, {"steps", "an integer", "nothing"}},
      {"dtype", "float8", {"dtype", "bfloat16", "float32"}},
  };
  for (const auto& fault : faults) {
    auto json = valid();
    json[fault.key] = fault.value;
    expect_error(ErrorCode::kCorruptFile, fault.message, [&] { load(json); });
  }
}

TEST(TrainingConfig, FormerNamesOfKeysAndStagesAreAcceptedWithAWarning) {
  auto json = valid();
  json["stage"] = "decoder";
  json["clip"] = 0.5;
  json["average"] = 0.75;
  json["accumulate"] = 3;
  json["decoder"] = {{"vae", "a"}, {"tokenizer", "b"}, {"drop_share", 0.25}};
  const auto config = load(json);
  EXPECT_EQ(config.stage, "transformer");
  EXPECT_EQ(config.optimizer.max_grad_norm, 0.5);
  EXPECT_EQ(config.loop.ema_decay, 0.75);
  EXPECT_EQ(config.loop.accumulate, 3);
  const auto keys = config.read_stage<train::TransformerKeys>();
  EXPECT_EQ(keys.vq, "b");
  EXPECT_EQ(keys.cfg_dropout, 0.25);
  config.read_stage<train::TransformerKeys>();  // again: no warning repeats
  std::string warnings;
  for (const auto& warning : *config.warnings) warnings += warning + "\n";
  EXPECT_EQ(config.warnings->size(), 6U) << warnings;
  for (const char* names : {"'decoder' is now called 'transformer'",
                            "'clip' is now called 'max_grad_norm'",
                            "'drop_share' is now called 'cfg_dropout'"}) {
    EXPECT_NE(warnings.find(names), std::string::npos) << names;
  }
}

TEST(TrainingConfig, AFormerNameBesideTheNewOneIsRefused) {
  auto json = valid();
  json["clip"] = json["max_grad_norm"] = 1;
  expect_error(ErrorCode::kCorruptFile, {"clip", "absent", "max_grad_norm"}, [&] { load(json); });
}

// Workers of a cluster get the coordinator's keys so, whose data start in their folder.
TEST(LoraKeys, AreReadAsKeyWriterWritesThem) {
  train::LoraKeys keys;
  keys.data = "photos";
  keys.parts = {"generator"};
  keys.pictures.size = 256;
  keys.pictures.trigger = "zorblax";
  keys.prior_data = "drawings";
  keys.prior_loss_weight = 0.5;
  keys.input_dropout = 0.25;
  keys.lr_scheduler = "cosine";
  keys.learning_rate = 0.1 / 3;
  keys.all_layers = true;
  keys.seed = (int64_t{1} << 53) + 1;
  keys.base = "q8";
  train::KeyWriter written;
  keys.visit(written);
  auto read = train::LoraKeys::parse(written.json().dump(), "there/settings");
  EXPECT_EQ(read.data, "there/photos");
  EXPECT_EQ(read.prior_data, "there/drawings");
  read.data = keys.data;
  read.prior_data = keys.prior_data;
  train::KeyWriter again;
  read.visit(again);
  EXPECT_EQ(again.json(), written.json());
}

}  // namespace
}  // namespace glm_image::test
