// `train --cluster` and `worker --train-in` as programs: the curve of one machine, also when ranks
// are killed on the way. GLM_IMAGE_KILLS is the number of kills of workers, at moments of
// GLM_IMAGE_KILL_SEED; releases are tested with 20.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "support/background_program.h"
#include "support/free_port.h"
#include "support/program.h"
#include "support/rank_loss.h"
#include "support/test_support.h"
#include "support/training_run.h"

namespace glm_image::test {
namespace {

using Command = std::vector<std::string>;

/// For programs to load and meet, on a slow machine that other tests use too.
constexpr double kJoiningSeconds = 300;

/// Runs that do not end by themselves: a rank is lost on the way however late its kill comes.
constexpr int kStepsOfALongRun = 100000;
/// Rounding of sums in another order grows to a hundredth of a loss within some hundred steps.
constexpr size_t kStepsSeen = 10, kStepsCompared = 40;

class TrainCluster : public testing::Test {
 protected:
  /// The config of a run with batches of four in this folder.
  std::string write_run(const std::string& name, int steps) const {
    const auto folder = folder_.path() / name;
    std::filesystem::create_directories(folder);
    const auto file = write_vae_run(folder, steps);
    auto config = nlohmann::json::parse(read_file(file));
    config["batch"] = 4;
    config["dtype"] = "float32";
    write_file(file, config.dump(2));
    return file;
  }
  Command together(const std::string& config, const std::string& world) const {
    auto command = vae_run_command(config);
    command.insert(command.end(), {"--cluster", address_, "--world", world});
    return command;
  }
  Command worker(const Command& more = {}) const {
    Command command = {glm_image_program(),
                       "worker",
                       "--threads",
                       "1",
                       "--join",
                       address_,
                       "--train-in",
                       folder_.path().string()};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  static void expect_same_curve(const std::vector<double>& found,
                                const std::vector<double>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], 1e-2 * std::abs(expected[i])) << i;
    }
  }

  /// The curve of one machine.
  std::vector<double> losses_of_one() const {
    const auto folder = folder_.path() / "alone";
    const auto stopped =
        interrupt_program(vae_run_command(write_run("alone", kStepsOfALongRun)), SIGTERM, [&] {
          return vae_run_losses(folder).size() >= kStepsCompared;
        });
    EXPECT_EQ(stopped.exit_code, 128 + SIGTERM) << stopped.err;
    return vae_run_losses(folder);
  }
  /// The same curve up to kStepsCompared.
  static void expect_same_beginning(std::vector<double> found, std::vector<double> expected) {
    ASSERT_GE(found.size(), kStepsCompared);
    ASSERT_GE(expected.size(), kStepsCompared);
    found.resize(kStepsCompared);
    expected.resize(kStepsCompared);
    expect_same_curve(found, expected);
  }

  const TemporaryDirectory folder_;
  const std::string address_ = "127.0.0.1:" + std::to_string(free_port());
};

TEST_F(TrainCluster, TwoMachinesHaveTheCurveOfOne) {
  const auto alone = run_program(vae_run_command(write_run("alone", 4)));
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  BackgroundProgram helper(worker());
  const auto result = run_program(together(write_run("both", 4), "2"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("rank 1 of 2 (127.0.0.1) has joined"), std::string::npos) << result.err;
  const auto helped = helper.wait();
  EXPECT_EQ(helped.exit_code, 0) << helped.err;
  expect_same_curve(vae_run_losses(folder_.path() / "both"),
                    vae_run_losses(folder_.path() / "alone"));
  // The worker writes nothing.
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "run"));
}

TEST_F(TrainCluster, ARunSurvivesKilledWorkers) {
  const auto expected = losses_of_one();
  std::mt19937 random(kill_seed());
  std::uniform_real_distribution<double> moment(0, 0.3);
  for (int i = 0; i < kills(); ++i) {
    const auto name = "kill" + std::to_string(i);
    SCOPED_TRACE(name);
    const auto config = write_run(name, kStepsOfALongRun);
    BackgroundProgram first(worker()), second(worker());
    BackgroundProgram training(together(config, "3"));
    const auto losses = [&] { return vae_run_losses(folder_.path() / name); };
    const size_t step = 1 + random() % (kStepsCompared / 2);
    wait_until([&] { return losses().size() >= step; });
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    const bool is_first = random() % 2 == 0;
    auto& killed = is_first ? first : second;
    killed.signal(SIGKILL);
    ASSERT_TRUE(training.wait_for_text("continues from its last checkpoint on the 2 ranks left",
                                       kJoiningSeconds))
        << training.errors();
    EXPECT_NE(training.errors().find("of 3 (127.0.0.1) was lost: "), std::string::npos)
        << training.errors();
    // With the steps after the loss.
    const auto wanted = std::max(losses().size() + kStepsSeen, kStepsCompared);
    wait_until([&] { return losses().size() >= wanted; });
    training.signal(SIGTERM);
    const auto result = training.wait();
    EXPECT_EQ(result.exit_code, 128 + SIGTERM) << result.err;
    EXPECT_NE(result.err.find("stopped and saved at step"), std::string::npos) << result.err;
    EXPECT_EQ((is_first ? second : first).wait().exit_code, 0);
    killed.wait();
    expect_same_beginning(losses(), expected);
  }
}

TEST_F(TrainCluster, ACoordinatorThatDiesOrHangsEndsItsWorkers) {
  const auto expected = losses_of_one();
  std::mt19937 random(kill_seed());
  for (const int number : {SIGKILL, SIGSTOP}) {
    const auto name = "signal" + std::to_string(number);
    SCOPED_TRACE(name);
    const auto command = together(write_run(name, kStepsOfALongRun), "3");
    const auto losses = [&] { return vae_run_losses(folder_.path() / name); };
    {
      BackgroundProgram first(worker()), second(worker());
      BackgroundProgram training(command);
      const size_t step = 1 + random() % (kStepsCompared / 2);
      wait_until([&] { return losses().size() >= step; });
      training.signal(number);
      const Stopwatch waiting;
      for (auto* helper : {&first, &second}) {
        const auto result = helper->wait();
        EXPECT_LT(waiting.seconds(), kEndingSeconds);
        EXPECT_EQ(result.exit_code, 1);
        const auto sentence = "glm-image: rank 0, the coordinator at " + address_ + ", was lost: ";
        const auto found = result.err.find(sentence);
        EXPECT_NE(found, std::string::npos) << result.err;
        EXPECT_EQ(result.err.find("glm-image: "), found) << result.err;
        EXPECT_EQ(result.err.find("glm-image: ", found + 1), std::string::npos) << result.err;
      }
      training.signal(SIGKILL);
      training.wait();
    }
    // The same command goes on, here with fewer ranks.
    BackgroundProgram helper(worker());
    auto resumed = command;
    resumed.back() = "2";
    const auto wanted = std::max(losses().size() + kStepsSeen, kStepsCompared);
    BackgroundProgram training(resumed);
    wait_until([&] { return losses().size() >= wanted; });
    training.signal(SIGTERM);
    EXPECT_EQ(training.wait().exit_code, 128 + SIGTERM);
    EXPECT_EQ(helper.wait().exit_code, 0);
    expect_same_beginning(losses(), expected);
  }
}

TEST_F(TrainCluster, OtherModelFilesAreRefused) {
  const auto config = write_run("both", 2);
  auto json = nlohmann::json::parse(read_file(config));
  // Relative, so that each machine has its own.
  std::filesystem::copy(json.at("model").get<std::string>(),
                        folder_.path() / "both" / "model",
                        std::filesystem::copy_options::recursive);
  std::filesystem::copy(folder_.path() / "both" / "model",
                        folder_.path() / "model",
                        std::filesystem::copy_options::recursive);
  json["model"] = "model";
  write_file(config, json.dump(2));
  const auto changed = folder_.path() / "model" / "vae" / "config.json";
  std::filesystem::permissions(
      changed, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  write_file(changed, read_file(changed) + "\n");
  BackgroundProgram training(together(config, "2"));
  ASSERT_TRUE(training.wait_for_text("waiting at", kJoiningSeconds)) << training.errors();
  const auto refused = run_program(worker());
  EXPECT_EQ(refused.exit_code, 2) << refused.err;
  EXPECT_NE(refused.err.find("model/vae/config.json of the worker's training data differs"),
            std::string::npos)
      << refused.err;
  training.signal(SIGTERM);
  EXPECT_EQ(training.wait().exit_code, 128 + SIGTERM);
}

TEST_F(TrainCluster, AStageThatCannotBeDividedIsRefusedBeforeItWaits) {
  for (const std::string stage : {"transformer", "generator"}) {
    const auto file = project_dir() / "training" / "nano" / (stage + ".json");
    const auto config = nlohmann::json::parse(read_file(file));
    const auto refused = run_program({glm_image_program(),
                                      "train",
                                      stage,
                                      "--config",
                                      file.string(),
                                      "--cluster",
                                      address_,
                                      "--world",
                                      "4"});
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    const auto same = "batch " + std::to_string(config.at("batch").get<int>() / 4) +
                      ", gradient_accumulation_steps 4";
    for (const auto& text :
         {"must be at least 2 with --cluster, found 1: the stage '" + stage, same}) {
      EXPECT_NE(refused.err.find(text), std::string::npos) << refused.err;
    }
    EXPECT_EQ(refused.err.find("waiting at"), std::string::npos) << refused.err;
  }
}

TEST_F(TrainCluster, RefusesAStageInFrench) {
  const auto catalogue = std::filesystem::path(glm_image_program()).parent_path().parent_path() /
                         "share/locale/fr/LC_MESSAGES/glm-image.mo";
  if (!std::filesystem::exists(catalogue)) GTEST_SKIP() << "built without gettext";
  const auto file = project_dir() / "training" / "nano" / "generator.json";
  // A batch that the world does not divide has no proposal of equal size.
  const auto batch = nlohmann::json::parse(read_file(file)).at("batch").get<int>();
  for (const int world : {batch, batch + 1}) {
    const auto refused = run_program({"/usr/bin/env",
                                      "LC_ALL=fr_FR.UTF-8",
                                      glm_image_program(),
                                      "train",
                                      "generator",
                                      "--config",
                                      file.string(),
                                      "--cluster",
                                      address_,
                                      "--world",
                                      std::to_string(world)});
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_NE(refused.err.find(file.string() + " : gradient_accumulation_steps doit être au moins "
                                               "2 avec --cluster, trouvé : 1 ; la partie « "
                                               "generator »"),
              std::string::npos)
        << refused.err;
    EXPECT_EQ(refused.err.find("Pour le même nombre d'exemples par pas : batch 1, "
                               "gradient_accumulation_steps ") != std::string::npos,
              world == batch)
        << refused.err;
  }
}

TEST_F(TrainCluster, WorkersOfOtherWorkAreToldWhatToDo) {
  BackgroundProgram training(together(write_run("both", 2), "2"));
  ASSERT_TRUE(training.wait_for_text("--train-in FOLDER", kJoiningSeconds)) << training.errors();
  const auto refused = run_program({glm_image_program(),
                                    "worker",
                                    "--model",
                                    (data_dir() / "tiny" / "model").string(),
                                    "--threads",
                                    "1",
                                    "--join",
                                    address_});
  EXPECT_EQ(refused.exit_code, 2) << refused.err;
  EXPECT_NE(refused.err.find("the coordinator trains"), std::string::npos) << refused.err;
  training.signal(SIGTERM);
  training.wait();
}

}  // namespace
}  // namespace glm_image::test
