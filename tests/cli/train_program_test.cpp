// A training run that is killed goes on as if nothing had happened.

#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/program.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

constexpr int kSteps = 50;

std::string write_config(const fs::path& folder, int steps = kSteps) {
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

std::vector<std::string> command(const std::string& config) {
  return {glm_image_program(), "train", "vae", "--config", config, "--threads", "1"};
}

/// The loss of every step; a step without a finite one fails the test.
std::vector<double> losses(const fs::path& folder) {
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

TEST(TrainProgram, ARunThatIsKilledGoesOnAlongTheSameCurve) {
  TemporaryDirectory whole, killed;
  const auto undisturbed = run_program(command(write_config(whole.path())));
  ASSERT_EQ(undisturbed.exit_code, 0) << undisturbed.err;

  const auto config = write_config(killed.path());
  int killed_midway = 0;
  for (double seconds = 2; killed_midway < 2 && seconds < 30; seconds += 0.7) {
    const auto result = interrupt_program(command(config), SIGKILL, seconds);
    if (result.exit_code != 128 + SIGKILL) break;
    const auto steps = losses(killed.path()).size();
    if (steps > 0 && steps < kSteps) ++killed_midway;
  }
  EXPECT_GT(killed_midway, 0) << "no run was killed between its first and its last step";
  const auto rest = run_program(command(config));
  ASSERT_EQ(rest.exit_code, 0) << rest.err;

  EXPECT_EQ(losses(killed.path()), losses(whole.path()));
  EXPECT_EQ(losses(killed.path()).size(), static_cast<size_t>(kSteps));
}

TEST(TrainProgram, CtrlCSavesAndStops) {
  TemporaryDirectory folder;
  const auto config = write_config(folder.path(), /*steps=*/100000);
  for (double seconds = 2; losses(folder.path()).empty() && seconds < 30; seconds += 2) {
    const auto result = interrupt_program(command(config), SIGINT, seconds);
    if (losses(folder.path()).empty()) continue;
    EXPECT_EQ(result.exit_code, 128 + SIGINT) << result.err;
    EXPECT_NE(result.err.find("stopped and saved at step"), std::string::npos) << result.err;
  }
  EXPECT_TRUE(fs::exists(folder.path() / "run" / "checkpoint.safetensors"));
  EXPECT_TRUE(fs::exists(folder.path() / "run" / "components" / "vae" / "config.json"));
}

TEST(TrainProgram, SaysWhichLineOfAConfigIsWrong) {
  TemporaryDirectory folder;
  const auto config = write_config(folder.path());
  auto json = nlohmann::json::parse(read_file(config));
  json["batch"] = 0;
  write_file(config, json.dump(2));
  const auto result = run_program(command(config));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("vae.json, line 2: batch must be"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(folder.path() / "run"));

  json["batch"] = 1;
  json["vae"]["kl_wait"] = 0.1;
  write_file(config, json.dump(2));
  const auto misspelt = run_program(command(config));
  EXPECT_EQ(misspelt.exit_code, 2);
  EXPECT_NE(misspelt.err.find("vae.kl_wait is no key here"), std::string::npos) << misspelt.err;
  EXPECT_NE(misspelt.err.find("kl_weight"), std::string::npos) << misspelt.err;
  EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

}  // namespace
}  // namespace glm_image::test
