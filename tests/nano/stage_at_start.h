#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "core/random.h"
#include "nano/training/make_stage.h"
#include "support/test_support.h"
#include "train/train.h"
#include "train/weights/start_weights.h"

/// Stages that train on posters, before and in short runs.
namespace glm_image::test {

inline std::filesystem::path nano_folder() {
  return project_dir() / "models" / "nano";
}

/// A config of the stage with nano's frozen components.
inline nlohmann::json stage_config(const std::string& stage,
                                   const nlohmann::json& of_stage = nlohmann::json::object()) {
  nlohmann::json keys = {{"stage", stage},
                         {"run", "run"},
                         {"data", (project_dir() / "data" / "posters").string()},
                         {"model", (project_dir() / "training" / "nano" / "model").string()},
                         {"seed", 3},
                         {"sizes", {{{"width", 64}, {"height", 96}}}},
                         {"batch", 2},
                         {"steps", 2},
                         {"learning_rate", 1e-3},
                         {"metrics_every", 1},
                         {"samples_every", 0},
                         {stage, of_stage}};
  const auto set = [&](const char* key) {
    if (!keys[stage].contains(key)) keys[stage][key] = nano_folder().string();
  };
  if (stage == "transformer") set("vae");
  if (stage == "transformer" || stage == "generator") set("vq");
  if (stage == "generator") set("vocabulary");
  return keys;
}

inline train::TrainingConfig load_config(const std::filesystem::path& folder,
                                         const nlohmann::json& keys) {
  write_file(folder / "config.json", keys.dump(2));
  return train::TrainingConfig::load(folder / "config.json");
}

/// A stage in the state before its first step.
class StageAtStart {
 public:
  explicit StageAtStart(const nlohmann::json& keys)
      : config(load_config(folder_.path(), keys)),
        stage(nano::make_stage(config, at::kCPU)),
        weights_(stage->modules(), config.working_type(), at::kCPU, {}),
        maker_(stage->batch_maker()) {
    auto random = make_random(1);
    std::optional<train::StartWeights> start;
    if (config.start) start.emplace(*config.start, stage->modules());
    weights_.initialise([&](const std::string& name, Tensor& weight) {
      if (!start || !start->fill(name, weight)) stage->initialise(name, weight, random);
    });
  }

  train::Batch batch(int64_t step) const {
    const at::NoGradGuard no_grad;
    return maker_(step);
  }
  std::map<std::string, double> measure(const train::Batch& batch, int64_t step) const {
    const at::NoGradGuard no_grad;
    const auto outcome = stage->forward(batch, step);
    std::map<std::string, double> values = {{"loss", outcome.loss.item<double>()}};
    for (const auto& [name, value] : outcome.parts) values[name] = value.item<double>();
    return values;
  }

 private:
  TemporaryDirectory folder_;

 public:
  train::TrainingConfig config;
  std::unique_ptr<train::Stage> stage;

 private:
  train::MixedPrecisionAdamW weights_;
  train::BatchMaker maker_;
};

/// The metrics of a whole run.
inline std::vector<nlohmann::json> train_in(const std::filesystem::path& folder,
                                            const nlohmann::json& keys,
                                            const train::LoopCallbacks& callbacks = {}) {
  train::train(load_config(folder, keys), at::kCPU, callbacks, 0, nano::make_stage);
  std::vector<nlohmann::json> lines;
  std::istringstream file(read_file(folder / "run" / "metrics.jsonl"));
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

}  // namespace glm_image::test
