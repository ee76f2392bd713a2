// `glm-image data check` and `glm-image train lora` as a user runs them.

#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "core/text_format.h"
#include "support/adapter_files.h"
#include "support/program.h"
#include "support/reference.h"
#include "train/picture_folder.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

constexpr int kLoraSteps = 150;

void add_pictures(const fs::path& folder) {
  fs::create_directories(folder);
  add_picture(folder, "a.png", plain_picture(64, 64, 1), "A pear and the word \"OPEN\"");
  add_picture(folder, "b.jpg", plain_picture(96, 64, 2), "A plum");
  image::write_image(folder / "c.png", plain_picture(64, 64, 3));
}

std::vector<std::string> lora_command(const fs::path& folder) {
  return {glm_image_program(),
          "train",
          "lora",
          "--model",
          tiny_model_dir().string(),
          "--data",
          (folder / "data").string(),
          "-o",
          (folder / "style.safetensors").string(),
          "--size",
          "64",
          "--steps",
          std::to_string(kLoraSteps),
          "--parts",
          "transformer",
          "--rank",
          "4",
          "--checkpoint-seconds",
          "0",
          "--threads",
          "1"};
}

std::size_t lines_of(const fs::path& file) {
  if (!fs::exists(file)) return 0;
  const auto text = read_file(file);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(DataCheck, TellsWhatWillBeUsed) {
  TemporaryDirectory folder;
  add_pictures(folder.path() / "data");
  const auto sheet = (folder.path() / "sheet.png").string();
  const auto result = run_program({glm_image_program(),
                                   "data",
                                   "check",
                                   (folder.path() / "data").string(),
                                   "--size",
                                   "64",
                                   "-o",
                                   sheet});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* part :
       {"2 pictures will be used, 1 will not", "c.png: has no caption", "OPEN"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << result.out;
  }
  EXPECT_GT(image::read_image(sheet).width, 64);

  const auto odd = run_program({glm_image_program(), "data", "check", "x", "--size", "100"});
  EXPECT_EQ(odd.exit_code, 2);
  EXPECT_NE(odd.err.find("must be a multiple of 32; found 100"), std::string::npos) << odd.err;
  const auto none = run_program({glm_image_program(), "data", "check", "/no/such", "-o", sheet});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("/no/such: there is no such folder"), std::string::npos) << none.err;
}

TEST(DataCheck, DoesNotReplaceAPicture) {
  TemporaryDirectory folder;
  const auto data = folder.path() / "data";
  add_pictures(data);
  const auto before = read_file(data / "a.png");
  const auto result = run_program(
      {glm_image_program(), "data", "check", data.string(), "-o", (data / "a.png").string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("a.png: is a picture of the data set"), std::string::npos)
      << result.err;
  EXPECT_EQ(read_file(data / "a.png"), before);
}

TEST(TrainLoraProgram, RefusesAnEmptyNameOfAConfig) {
  TemporaryDirectory folder;
  auto command = lora_command(folder.path());
  command.insert(command.end(), {"--config", ""});
  const auto result = run_program(command);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("--config must name a file"), std::string::npos) << result.err;
}

TEST(TrainLoraProgram, RefusesAPriorThatIsNotWhole) {
  TemporaryDirectory folder;
  const auto expect_refused = [&](const std::vector<std::string>& more, const char* sentence) {
    auto command = lora_command(folder.path());
    command.insert(command.end(), more.begin(), more.end());
    const auto result = run_program(command);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(sentence), std::string::npos) << result.err;
  };
  expect_refused({"--prior-loss-weight", "1"}, "--prior-loss-weight needs --prior-data FOLDER");
  expect_refused({"--prior-data", ""}, "--prior-data must name a folder; found ''");
  expect_refused({"--prior-data", "drawings", "--prior-loss-weight", "-1"},
                 "must be a number from 0 to ");
}

TEST(TrainLoraProgram, RefusesSettingsOfSamplesWithoutAPrompt) {
  TemporaryDirectory folder;
  const auto expect_refused = [&](const std::vector<std::string>& more, const std::string& name) {
    auto command = lora_command(folder.path());
    command.insert(command.end(), more.begin(), more.end());
    const auto result = run_program(command);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(name + " needs --sample-prompt"), std::string::npos) << result.err;
  };
  expect_refused({"--samples-every", "250"}, "--samples-every");
  expect_refused({"--sample-steps", "4"}, "--sample-steps");
  const auto config = (folder.path() / "style.json").string();
  write_file(config, "{\"samples_every\": 10}");
  expect_refused({"--config", config}, "--samples-every");
}

TEST(TrainLoraProgram, SaysThatAConfigIsEmpty) {
  TemporaryDirectory folder;
  const auto config = (folder.path() / "style.json").string();
  write_file(config, "");
  for (const std::vector<std::string>& more : {std::vector<std::string>{"lora"}, {"vae"}}) {
    std::vector<std::string> command = {glm_image_program(), "train"};
    command.insert(command.end(), more.begin(), more.end());
    command.insert(command.end(), {"--config", config});
    const auto result = run_program(command);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find("style.json: is empty"), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find("download"), std::string::npos) << result.err;
  }
}

// A limit of file sizes imitates a full disk.
TEST(DataCheck, AFullDiskIsNoFaultOfTheArguments) {
  TemporaryDirectory folder;
  add_pictures(folder.path() / "data");
  // Noise, so that the sheet is larger than the limit. The messages are smaller.
  Image noise = plain_picture(128, 128, 1);
  std::minstd_rand random(1);
  for (auto& value : noise.pixels) value = static_cast<uint8_t>(random() >> 8);
  add_picture(folder.path() / "data", "noise.png", noise, "Noise");
  const auto sheet = (folder.path() / "sheet.png").string();
  const auto data = (folder.path() / "data").string();
  const auto result = run_program({"/bin/sh",
                                   "-c",
                                   "ulimit -f 16 && exec \"$@\"",
                                   "sh",
                                   glm_image_program(),
                                   "data",
                                   "check",
                                   data,
                                   "-o",
                                   sheet});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("sheet.png: cannot be written"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("File too large"), std::string::npos) << result.err;
}

TEST(DataCheck, FindsCaptionsThatAreTooLongForTheModel) {
  TemporaryDirectory folder;
  add_pictures(folder.path() / "data");
  std::string words;
  for (int i = 0; i < 30000; ++i) words += "q ";
  write_file(folder.path() / "data" / "a.txt", words);
  std::vector<std::string> command = {glm_image_program(),
                                      "data",
                                      "check",
                                      (folder.path() / "data").string(),
                                      "--size",
                                      "64",
                                      "-o",
                                      (folder.path() / "sheet.png").string()};
  const auto without = run_program(command);
  EXPECT_EQ(without.exit_code, 0) << without.err;
  EXPECT_NE(without.out.find("2 pictures will be used, 1 will not"), std::string::npos);
  EXPECT_NE(without.out.find("With --model, captions that are too long"), std::string::npos);
  command.insert(command.end(), {"--model", tiny_model_dir().string()});
  const auto with = run_program(command);
  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_NE(with.out.find("1 picture will be used, 2 will not"), std::string::npos) << with.out;
  EXPECT_NE(with.out.find("a.txt: prompt is too long"), std::string::npos) << with.out;
}

TEST(TrainLoraProgram, ARunThatIsKilledContinuesAlongTheSameCurve) {
  TemporaryDirectory whole, killed;
  add_pictures(whole.path() / "data");
  add_pictures(killed.path() / "data");
  const auto undisturbed = run_program(lora_command(whole.path()));
  ASSERT_EQ(undisturbed.exit_code, 0) << undisturbed.err;
  EXPECT_NE(undisturbed.err.find("not used: c.png"), std::string::npos) << undisturbed.err;
  EXPECT_EQ(undisturbed.out, (whole.path() / "style.safetensors").string() + "\n");

  const auto metrics = killed.path() / "style.run" / "transformer" / "metrics.jsonl";
  const auto wanted = lines_of(whole.path() / "style.run" / "transformer" / "metrics.jsonl");
  EXPECT_GE(image::read_image(whole.path() / "style.run" / "transformer" / "loss.png").height, 180);
  ASSERT_EQ(wanted, static_cast<std::size_t>(kLoraSteps));
  const auto kill_at = [&](std::size_t step) {
    const auto result = interrupt_program(
        lora_command(killed.path()), SIGKILL, [&] { return lines_of(metrics) >= step; });
    if (result.exit_code != 128 + SIGKILL) {
      EXPECT_EQ(result.exit_code, 0) << result.err;
      return false;
    }
    EXPECT_GE(lines_of(metrics), step);
    return lines_of(metrics) < wanted;
  };
  bool was_killed = false;
  // Where this machine stands still, the run may end before its kill; it is tried again then.
  for (int tries = 0; tries < 10 && !was_killed; ++tries) {
    fs::remove_all(killed.path() / "style.run");
    fs::remove(killed.path() / "style.safetensors");
    was_killed = kill_at(wanted / 5) && kill_at(wanted / 2);
  }
  ASSERT_TRUE(was_killed);
  EXPECT_FALSE(fs::exists(killed.path() / "style.safetensors"));
  const auto rest = run_program(lora_command(killed.path()));
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(read_file(killed.path() / "style.safetensors"),
            read_file(whole.path() / "style.safetensors"));
}

TEST(TrainLoraProgram, TakesAConfigFileThatOptionsOverride) {
  TemporaryDirectory folder;
  add_pictures(folder.path() / "data");
  const auto config = folder.path() / "style.json";
  write_adapter(folder.path(),
                "first",
                {random_update("transformer", "transformer_blocks.0.attn1.to_q", 64, 64, 2, 1)},
                Spelling::kComfy);
  const nlohmann::json keys = {{"model", tiny_model_dir().string()},
                               {"lora", {"first.safetensors:0.5"}},
                               {"data", "data"},
                               {"output", "style.safetensors"},
                               {"parts", {"transformer"}},
                               {"size", 64},
                               {"rank", 4},
                               {"steps", 7},
                               {"sample_prompt", {"A pear", "A plum"}},
                               {"sample_steps", 2}};
  write_file(config, keys.dump(2));
  const std::vector<std::string> command = {glm_image_program(),
                                            "train",
                                            "lora",
                                            "--config",
                                            config.string(),
                                            "--steps",
                                            "3",
                                            "--samples-every",
                                            "2",
                                            "--threads",
                                            "1"};
  const auto result = run_program(command);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(fs::exists(folder.path() / "style.safetensors"));
  const auto samples = folder.path() / "style.run" / "transformer" / "samples";
  for (const char* step : {"0", "2", "3"}) {
    EXPECT_TRUE(fs::exists(samples / concat("step-000000", step, ".png"))) << step;
  }
  EXPECT_NE(result.err.find("of memory predicted"), std::string::npos) << result.err;

  const auto written = io::SafetensorsFile::open(folder.path() / "style.safetensors");
  EXPECT_EQ(written->header().metadata.at("glm_image_base_adapters"),
            R"([{"name":"first","scale":0.5}])");

  auto unknown = keys;
  unknown["learning_speed"] = 1;
  write_file(config, unknown.dump(2));
  const auto refused = run_program(command);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("learning_speed"), std::string::npos) << refused.err;
  auto wrong = keys;
  wrong["base"] = "q2";
  write_file(config, wrong.dump(2));
  const auto misspelled = run_program(command);
  EXPECT_NE(misspelled.exit_code, 0);
  EXPECT_NE(misspelled.err.find("base must be"), std::string::npos) << misspelled.err;
}

TEST(TrainLoraProgram, NamesWhatIsMissing) {
  const auto without = run_program({glm_image_program(), "train", "lora"});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_NE(without.err.find("--data is required"), std::string::npos) << without.err;
  const auto stage = run_program({glm_image_program(), "train"});
  EXPECT_EQ(stage.exit_code, 2);
  EXPECT_NE(stage.err.find("stage is required"), std::string::npos) << stage.err;
  const auto config = run_program({glm_image_program(), "train", "vae"});
  EXPECT_EQ(config.exit_code, 2);
  EXPECT_NE(config.err.find("--config is required"), std::string::npos) << config.err;
}

}  // namespace
}  // namespace glm_image::test
