#include "support/training_run.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "support/program.h"
#include "support/test_support.h"

namespace glm_image::test {

namespace fs = std::filesystem;

std::string write_vae_run(const fs::path& folder, int steps) {
  const nlohmann::json sizes = {{{"width", 64}, {"height", 64}}};
  const nlohmann::json config = {
      {"stage", "vae"},
      {"run", "run"},
      {"data", (project_dir() / "data" / "posters").string()},
      {"model", (project_dir() / "training" / "nano" / "model").string()},
      {"sizes", sizes},
      {"batch", 1},
      {"steps", steps},
      {"learning_rate", 1e-3},
      {"checkpoint_seconds", 0},
      {"metrics_every", 1},
      {"samples_every", 0},
      {"vae", nlohmann::json::object()}};
  write_file(folder / "vae.json", config.dump(2));
  return (folder / "vae.json").string();
}

std::vector<std::string> vae_run_command(const std::string& config) {
  return {glm_image_program(), "train", "vae", "--config", config, "--threads", "1"};
}

std::vector<double> vae_run_losses(const fs::path& folder) {
  std::vector<double> values;
  const auto file = folder / "run" / "metrics.jsonl";
  if (!fs::exists(file)) return values;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) continue;
    if (json.at("loss").is_number()) {
      values.push_back(json.at("loss"));
    } else {
      ADD_FAILURE() << "the loss of step " << json.at("step") << " is " << json.at("loss");
    }
  }
  return values;
}

}  // namespace glm_image::test
