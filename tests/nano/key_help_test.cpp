// The help of `glm-image train STAGE`, docs/training.md and docs/nano.md list the keys that the
// configs have.

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "nano/training/poster_keys.h"
#include "support/test_support.h"
#include "train/config/run_config.h"
#include "train/config/stage_keys.h"
#include "train/config/stage_names.h"

namespace glm_image::test {
namespace {

std::string help_of(const std::string& stage) {
  train::KeyHelp help;
  if (stage != nano::kVocabularyStage) train::describe_stage(stage, help);
  nano::describe_stage(stage, help);
  return help.text();
}

std::vector<std::string> all_stages() {
  auto stages = train::stage_names();
  stages.emplace_back(nano::kVocabularyStage);
  return stages;
}

/// The first word of each line of a key.
std::set<std::string> keys_in(const std::string& help) {
  std::set<std::string> keys;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("  ", 0) != 0) continue;
    keys.insert(line.substr(2, line.find(' ', 2) - 2));
  }
  return keys;
}

TEST(KeyHelp, HasTypeDefaultAndMeaningOfEachKey) {
  const auto help = help_of("transformer");
  std::string line;
  for (std::istringstream lines(help); std::getline(lines, line);) {
    if (line.find("cfg_dropout") != std::string::npos) break;
  }
  for (const char* part : {"0 to 1", "0.1", "fraction of examples without codes and texts"}) {
    EXPECT_NE(line.find(part), std::string::npos) << line;
  }
  EXPECT_NE(help.find("required"), std::string::npos);
  EXPECT_NE(help.find("learning_rate / 100"), std::string::npos);
}

TEST(KeyHelp, EachStageHasItsOwnKeys) {
  EXPECT_EQ(keys_in(help_of("vae")).count("kl_weight"), 1U);
  EXPECT_EQ(keys_in(help_of("vae")).count("cfg_dropout"), 0U);
  for (const char* key : {"stage", "batch", "size", "sizes"}) {
    EXPECT_EQ(keys_in(help_of("generator")).count(key), 1U) << key;
  }
  EXPECT_EQ(keys_in(help_of("vocabulary")),
            (std::set<std::string>{"stage", "run", "data", "model", "start", "seed", "captions"}));
}

// Posters have another stage "vq", which refuses the keys of the one for folders.
TEST(KeyHelp, TheKeysOfVqDependOnTheData) {
  const auto help = help_of("vq");
  const auto section = [&](const std::string& title) {
    const auto begin = help.find(title + '\n');
    return begin == std::string::npos
               ? std::set<std::string>()
               : keys_in(help.substr(begin, help.find("\n\n", begin) - begin));
  };
  EXPECT_EQ(section("In the object \"vq\", if data is a folder of pictures with captions:"),
            (std::set<std::string>{"commitment_weight", "codebook_decay"}));
  const auto posters = section("In the object \"vq\", if data is data/posters:");
  EXPECT_EQ(posters.count("text_token_weight"), 1U);
  EXPECT_EQ(posters.count("codebook_decay"), 1U);
  EXPECT_EQ(posters.count("commitment_weight"), 0U);
  EXPECT_EQ(help.find("In the object \"vq\":"), std::string::npos) << help;
}

TEST(KeyHelp, TheDocumentsHaveAllKeys) {
  const auto docs = project_dir() / "docs";
  const auto document = read_file(docs / "training.md") + read_file(docs / "nano.md");
  for (const auto& stage : all_stages()) {
    for (const auto& key : keys_in(help_of(stage))) {
      EXPECT_NE(document.find('`' + key + '`'), std::string::npos) << key << " of " << stage;
    }
  }
}

// The configs that ship use none of the former names.
TEST(KeyHelp, TheShippedConfigsHavePresentNames) {
  for (const char* name : {"vae", "vae_decoder", "vq", "transformer", "generator", "vocabulary"}) {
    const auto config =
        train::RunConfig::load(project_dir() / "training" / "nano" / (std::string(name) + ".json"));
    const auto keys = keys_in(help_of(config.stage));
    for (const auto& item : config.fields.json().items()) {
      EXPECT_TRUE(item.key() == config.stage || keys.count(item.key()) > 0) << name << item.key();
    }
    for (const auto& item : config.stage_fields().json().items()) {
      EXPECT_EQ(keys.count(item.key()), 1U) << name << ": " << item.key();
    }
    EXPECT_TRUE(config.warnings->empty());
  }
}

}  // namespace
}  // namespace glm_image::test
