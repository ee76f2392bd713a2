// All stages train on the plugin's device, or on one that the environment names, as on the CPU.

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "device_plugin/test_device.h"
#include "nano/training/make_stage.h"
#include "support/test_support.h"
#include "train/train.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

class TrainingOnDevice : public testing::TestWithParam<std::string> {
 protected:
  /// The metrics of three steps that start from nano.
  std::vector<nlohmann::json> train_on(const at::Device& device, const std::string& run) const {
    const auto nano = (project_dir() / "models" / "nano").string();
    nlohmann::json json = {{"stage", GetParam()},
                           {"run", run},
                           {"data", (project_dir() / "data" / "posters").string()},
                           {"model", (project_dir() / "training" / "nano" / "model").string()},
                           {"start", nano},
                           {"seed", 3},
                           {"sizes", {{{"width", 64}, {"height", 96}}}},
                           {"batch", 2},
                           {"steps", 3},
                           {"dtype", "float32"},
                           {"learning_rate", 1e-3},
                           {"warmup_steps", 1},
                           {"metrics_every", 1},
                           {"samples_every", 0}};
    auto& of_stage = json[GetParam()] = nlohmann::json::object();
    if (GetParam() == "transformer") of_stage = {{"vae", nano}, {"vq", nano}};
    if (GetParam() == "generator") {
      of_stage = {{"vocabulary", nano}, {"vq", nano}, {"more_prompts", 2}};
    }
    const auto file = folder_.path() / (run + ".json");
    write_file(file, json.dump());
    train::train(train::TrainingConfig::load(file), device, {}, 0, nano::make_stage);
    std::vector<nlohmann::json> steps;
    std::istringstream lines(read_file(folder_.path() / run / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      steps.push_back(nlohmann::json::parse(line));
    }
    return steps;
  }
  TemporaryDirectory folder_;
};

TEST_P(TrainingOnDevice, HasTheCpusCurve) {
  const auto on_device = train_on(load_device_under_test(), "on_device");
  const auto on_cpu = train_on(at::kCPU, "on_cpu");
  ASSERT_EQ(on_device.size(), 3U);
  for (size_t i = 0; i < on_cpu.size(); ++i) {
    for (const auto* key : {"loss", "gradient_norm"}) {
      const double expected = on_cpu.at(i).at(key).get<double>();
      EXPECT_TRUE(std::isfinite(expected));
      EXPECT_NEAR(on_device.at(i).at(key).get<double>(), expected, 2e-3 * std::fabs(expected))
          << key << " of step " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stages,
                         TrainingOnDevice,
                         testing::Values("vae", "vq", "transformer", "generator"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace glm_image::test
