// The shipped model as the start of the configs in training/adapt.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "nano/training/make_stage.h"
#include "support/reference.h"
#include "train/train.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

/// The first line of metrics of a one-step run with the config of training/adapt.
nlohmann::json first_metrics(const std::string& stage, const fs::path& folder) {
  auto keys =
      nlohmann::json::parse(read_file(project_dir() / "training" / "adapt" / (stage + ".json")));
  const auto nano = (project_dir() / "models" / "nano").string();
  keys["run"] = (folder / stage).string();
  keys["data"] = (project_dir() / "data" / "posters").string();
  keys["model"] = (project_dir() / "training" / "nano" / "model").string();
  keys["start"] = nano;
  for (const char* folder_key : {"vocabulary", "vq", "vae"}) {
    if (keys[stage].contains(folder_key)) keys[stage][folder_key] = nano;
  }
  keys["batch"] = 4;
  keys["steps"] = 1;
  keys["metrics_every"] = 1;
  keys["samples_every"] = 0;
  const auto file = folder / (stage + ".json");
  write_file(file, keys.dump(2));
  train::train(train::TrainingConfig::load(file), at::kCPU, {}, 0, nano::make_stage);
  std::ifstream metrics(folder / stage / "metrics.jsonl");
  std::string line;
  std::getline(metrics, line);
  return nlohmann::json::parse(line);
}

// A generator trained on other codes than its teacher's would have a cross-entropy of 8 nats.
TEST(ShippedModel, ItsGeneratorPredictsItsTeachersCodes) {
  TemporaryDirectory folder;
  const auto metrics = first_metrics("generator", folder.path());
  EXPECT_LT(metrics.at("loss_codes").get<double>(), 0.5);
  EXPECT_GT(metrics.at("target_right").get<double>(), 0.9);
}

// An untrained DiT has an error of 1 and more.
TEST(ShippedModel, ItsTransformerPredictsVelocities) {
  TemporaryDirectory folder;
  EXPECT_LT(first_metrics("transformer", folder.path()).at("loss_velocity").get<double>(), 0.6);
}

}  // namespace
}  // namespace glm_image::test
