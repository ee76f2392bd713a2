// Kills at random moments lose nothing: the old or the new picture, exported model or training run
// is complete. GLM_IMAGE_KILLS is the number of kills per program; releases are tested with 40 (120
// in total). The moments are those of GLM_IMAGE_KILL_SEED.

#include <algorithm>
#include <csignal>
#include <optional>
#include <random>

#include "core/atomic_file.h"
#include "support/program.h"
#include "support/reference.h"
#include "support/test_support.h"
#include "support/training_run.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
  }
  return files;
}

class Kill : public testing::Test {
 protected:
  /// Runs a program and kills it at a random moment within `usual` seconds. Returns whether it was
  /// still running; otherwise `usual` becomes what it took, since the machine has become faster.
  bool kill_at_random(const std::vector<std::string>& command, double& usual) {
    std::uniform_real_distribution<double> moment(0, usual);
    const Stopwatch running;
    const auto result = interrupt_program(command, SIGKILL, moment(random_));
    const bool killed = was_killed(result);
    if (!killed) usual = std::min(usual, running.seconds());
    return killed;
  }
  static bool was_killed(const ProgramResult& result) {
    const bool killed = result.exit_code == 128 + SIGKILL;
    EXPECT_TRUE(killed || result.exit_code == 0) << result.exit_code << ' ' << result.err;
    return killed;
  }
  /// Whether another kill is wanted: some may come too late, but not all.
  static bool goes_on(int tried, int killed) {
    constexpr int kMore = 10;
    return tried < kills() || (killed == 0 && tried < kills() + kMore);
  }
  static double seconds_of(const std::vector<std::string>& command) {
    const Stopwatch running;
    const auto result = run_program(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return running.seconds();
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  std::mt19937 random_{kill_seed()};
  const TemporaryDirectory folder_;
};

TEST_F(Kill, OfAGenerationLeavesTheOldPictureOrTheNewOne) {
  const auto draw = [&](const std::string& seed) {
    return std::vector<std::string>{glm_image_program(),
                                    "generate",
                                    "--model",
                                    tiny_model_dir().string(),
                                    "-p",
                                    "a pot",
                                    "--size",
                                    "64x64",
                                    "--steps",
                                    "2",
                                    "--seed",
                                    seed,
                                    "-o",
                                    path("p.png")};
  };
  std::map<std::string, std::string> pictures;
  double usual = 0;
  for (const auto* seed : {"2", "1"}) {
    usual = seconds_of(draw(seed));
    pictures[seed] = read_file(path("p.png"));
  }
  ASSERT_NE(pictures["1"], pictures["2"]);
  std::string next = "2";
  int killed = 0;
  for (int i = 0; goes_on(i, killed); ++i) {
    killed += kill_at_random(draw(next), usual);
    const auto now = read_file(path("p.png"));
    ASSERT_TRUE(now == pictures["1"] || now == pictures["2"]);
    next = now == pictures["1"] ? "2" : "1";
  }
  EXPECT_GT(killed, 0);
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_TRUE(entry.path().filename() == "p.png" || is_temporary_file(entry.path()))
        << entry.path();
  }
}

TEST_F(Kill, OfAnExportLeavesTheOldModelOrTheNewOne) {
  fs::create_directory(path("runs"));
  // Two models that differ in one byte of a weight.
  for (const auto* name : {"a", "b"}) {
    fs::copy(tiny_model_dir(), path(name), fs::copy_options::recursive);
  }
  const auto weights = path("b") + "/vae/diffusion_pytorch_model.safetensors";
  auto bytes = read_file(weights);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  fs::permissions(weights, fs::perms::owner_write, fs::perm_options::add);
  write_file(weights, bytes);

  const auto write = [&](const std::string& base) {
    return std::vector<std::string>{glm_image_program(),
                                    "export",
                                    "--run",
                                    path("runs"),
                                    "--base",
                                    path(base),
                                    "-o",
                                    path("m")};
  };
  std::map<std::string, std::map<std::string, std::string>> models;
  double usual = 0;
  for (const auto* base : {"b", "a"}) {
    usual = seconds_of(write(base));
    models[base] = contents(path("m"));
  }
  ASSERT_NE(models["a"], models["b"]);
  std::string next = "b";
  int killed = 0;
  for (int i = 0; goes_on(i, killed); ++i) {
    killed += kill_at_random(write(next), usual);
    const auto now = contents(path("m"));
    ASSERT_TRUE(now == models["a"] || now == models["b"]);
    next = now == models["a"] ? "b" : "a";
  }
  EXPECT_GT(killed, 0);
  EXPECT_EQ(run_program(write("a")).exit_code, 0);
  EXPECT_EQ(contents(path("m")), models["a"]);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 4)
      << "a killed export left a folder that the next one did not remove";
}

TEST_F(Kill, OfATrainingRunLosesNoStepThatWasSaved) {
  const int steps = 20 + 5 * kills();
  const TemporaryDirectory whole;
  const double seconds_per_step =
      seconds_of(vae_run_command(write_vae_run(whole.path(), steps))) / steps;
  EXPECT_TRUE(fs::exists(whole.path() / "run" / "loss.png"));
  const auto config = write_vae_run(folder_.path(), steps);
  // Each kill has its share of the steps, so that the run lasts for all of them on any machine: 0
  // is while the program starts.
  std::uniform_int_distribution<size_t> further(0, static_cast<size_t>(steps / (kills() + 1)) - 1);
  std::uniform_real_distribution<double> moment(0, seconds_per_step);
  size_t before = 0;
  int killed = 0;
  for (int i = 0; goes_on(i, killed); ++i) {
    // A run that ended before its first kill begins again.
    if (killed == 0) {
      fs::remove_all(folder_.path() / "run");
      before = 0;
    }
    const size_t wanted = before + further(random_);
    const double later = moment(random_);
    std::optional<Stopwatch> reached;
    const auto result = interrupt_program(vae_run_command(config), SIGKILL, [&] {
      if (!reached && vae_run_losses(folder_.path()).size() >= wanted) reached.emplace();
      return reached && reached->seconds() >= later;
    });
    killed += was_killed(result);
    const auto now = vae_run_losses(folder_.path()).size();
    ASSERT_GE(now + 1, before);
    before = now;
  }
  EXPECT_GT(killed, 0);
  EXPECT_EQ(run_program(vae_run_command(config)).exit_code, 0);
  EXPECT_EQ(vae_run_losses(folder_.path()), vae_run_losses(whole.path()));
  EXPECT_EQ(vae_run_losses(folder_.path()).size(), static_cast<size_t>(steps));
}

}  // namespace
}  // namespace glm_image::test
