// glm-image train as a program: Ctrl-C and wrong configs. tests/cli/kill_test.cpp kills it.

#include <csignal>
#include <nlohmann/json.hpp>

#include "support/program.h"
#include "support/test_support.h"
#include "support/training_run.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

constexpr int kSteps = 50;

TEST(TrainProgram, CtrlCSavesAndStops) {
  TemporaryDirectory folder;
  const auto config = write_vae_run(folder.path(), /*steps=*/100000);
  const auto result = interrupt_program(
      vae_run_command(config), SIGINT, [&] { return !vae_run_losses(folder.path()).empty(); });
  EXPECT_EQ(result.exit_code, 128 + SIGINT) << result.err;
  EXPECT_NE(result.err.find("stopped and saved at step"), std::string::npos) << result.err;
  EXPECT_TRUE(fs::exists(folder.path() / "run" / "checkpoint.safetensors"));
  EXPECT_TRUE(fs::exists(folder.path() / "run" / "components" / "vae" / "config.json"));
}

TEST(TrainProgram, SaysWhichLineOfAConfigIsWrong) {
  TemporaryDirectory folder;
  const auto config = write_vae_run(folder.path(), kSteps);
  auto json = nlohmann::json::parse(read_file(config));
  json["batch"] = 0;
  write_file(config, json.dump(2));
  const auto result = run_program(vae_run_command(config));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("vae.json, line 2: batch must be"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(folder.path() / "run"));

  json["batch"] = 1;
  json["vae"]["kl_wait"] = 0.1;
  write_file(config, json.dump(2));
  const auto misspelt = run_program(vae_run_command(config));
  EXPECT_EQ(misspelt.exit_code, 2);
  EXPECT_NE(misspelt.err.find("vae.kl_wait is not a known key"), std::string::npos) << misspelt.err;
  EXPECT_NE(misspelt.err.find("kl_weight"), std::string::npos) << misspelt.err;
  EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

TEST(TrainProgram, HelpOfAStageListsTheKeysOfItsConfig) {
  const auto help = run_program({glm_image_program(), "train", "transformer", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* part :
       {"cfg_dropout", "number 0 to 1", "learning_rate / 100", "letter_weight"}) {
    EXPECT_NE(help.out.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(help.out.find("keep_encoder"), std::string::npos);
  const auto former = run_program({glm_image_program(), "train", "decoder", "--help"});
  EXPECT_EQ(former.out, help.out);
  const auto unknown = run_program({glm_image_program(), "train", "painter", "--config", "x.json"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("vocabulary, vae, vq, transformer, generator"), std::string::npos)
      << unknown.err;
}

}  // namespace
}  // namespace glm_image::test
