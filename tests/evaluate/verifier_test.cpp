// The verifier on true posters and on one that nano draws, with texts that they show and others.

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "evaluate/shared_suite.h"
#include "image/codec.h"
#include "reading/text_verifier.h"
#include "reading/word_score.h"
#include "support/program.h"

namespace glm_image::evaluate {
namespace {

namespace fs = std::filesystem;

std::vector<TextCheck> verified(const Image& image, const std::vector<std::string>& texts) {
  return reading::make_text_verifier()->verify(image, texts);
}

std::vector<std::string> texts_of(const posters::SuitePrompt& prompt) {
  std::vector<std::string> texts;
  for (const auto& text : prompt.scene.texts) texts.push_back(text.text);
  return texts;
}

bool is_readable(const std::string& text) {
  for (const auto& word : reading::compared_words(text)) {
    if (!reading::can_be_read(word)) return false;
  }
  return true;
}

/// At least nine of ten texts whose letters Tesseract reads reliably, and no other.
TEST(Verifier, FindsTheTextsOfTruePosters) {
  int found = 0, all = 0, strange = 0;
  for (const auto& prompt : test::poster_suite().prompts) {
    if (std::stoi(prompt.id.substr(2)) % 10 != 1) continue;
    auto texts = texts_of(prompt);
    const auto count = texts.size();
    texts.push_back("Zyxw Quvst");
    const auto checks = verified(test::truth_of(prompt), texts);
    ASSERT_EQ(checks.size(), texts.size());
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(checks[i].text, texts[i]);
      if (!is_readable(texts[i])) continue;
      ++all;
      found += checks[i].state == TextState::kFound ? 1 : 0;
      if (!checks[i].box) continue;
      EXPECT_GE(checks[i].box->left, 0);
      EXPECT_LE(checks[i].box->left + checks[i].box->width, prompt.width);
      EXPECT_LE(checks[i].box->top + checks[i].box->height, prompt.height);
    }
    strange += checks.back().state == TextState::kFound ? 1 : 0;
  }
  EXPECT_GT(all, 25);
  EXPECT_GE(found, all * 9 / 10) << all;
  EXPECT_EQ(strange, 0);
}

TEST(Verifier, SaysWhatStandsThereInstead) {
  auto prompt = test::suite_prompt("1-001");
  auto& text = prompt.scene.texts.front();
  text.text = "OPEM DAY";
  text.lines = {"OPEM", "DAY"};
  const auto checks = verified(test::truth_of(prompt), {"OPEN DAY", "OPEM DAY"});
  EXPECT_EQ(checks[0].state, TextState::kSimilar);
  EXPECT_EQ(checks[0].read, "OPEM DAY");
  EXPECT_DOUBLE_EQ(checks[0].similarity, 6.0 / 7);
  EXPECT_EQ(checks[1].state, TextState::kFound);
  ASSERT_TRUE(checks[1].box);
  EXPECT_GT(checks[1].box->width, 20);
  EXPECT_GT(checks[1].box->height, 20);
}

/// No margin of one colour: a photo's kind of background.
TEST(Verifier, ReadsTextOnABackgroundThatIsNotPlain) {
  auto prompt = test::suite_prompt("1-001");
  prompt.scene.pictograms.clear();
  prompt.scene.background = {};
  prompt.scene.background.first = {"white", {255, 255, 255}};
  auto& text = prompt.scene.texts.front();
  text.text = "Harmony";
  text.lines = {"Harmony"};
  text.colour = {"black", {0, 0, 0}};
  auto image = test::truth_of(prompt);
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      // Waves between 0 and 70 below white, far from the black of the letters.
      const double shade = 35 + 20 * std::sin(0.11 * static_cast<double>(x)) +
                           15 * std::cos(0.07 * static_cast<double>(y + x / 2));
      for (int64_t c = 0; c < 3; ++c) {
        auto& value = image.pixels[static_cast<std::size_t>(3 * (y * image.width + x) + c)];
        value = static_cast<uint8_t>(std::max(0.0, value - shade));
      }
    }
  }
  const auto checks = verified(image, {"Harmony", "Melody"});
  EXPECT_EQ(checks[0].state, TextState::kFound) << checks[0].read;
  EXPECT_NE(checks[1].state, TextState::kFound);
}

TEST(Verifier, ReadsSmallAndEmptyPictures) {
  for (const int64_t side : {1, 16, 64}) {
    const Image blank{
        side, side, std::vector<uint8_t>(static_cast<std::size_t>(3 * side * side), 9)};
    const auto checks = verified(blank, {"OPEN", "🎉"});
    EXPECT_EQ(checks[0].state, TextState::kMissing);
    EXPECT_EQ(checks[1].state, TextState::kUnread);
  }
}

TEST(Verifier, NanosExampleIsRight) {
  const test::TemporaryDirectory folder;
  const auto file = folder.path() / "poster.png";
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> command = {
        test::glm_image_program(),
        "generate",
        "--model",
        (test::project_dir() / "models" / "nano").string(),
        "-p",
        "A dark green poster with a football and the title \"OPEN DAY\"",
        "--seed",
        "1",
        "-o",
        file.string()};
    command.insert(command.end(), more.begin(), more.end());
    return test::run_program(command);
  };
  const auto result = run({"--verify"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, file.string() + "\n");
  EXPECT_NE(result.err.find(file.string() + ": found \"OPEN DAY\""), std::string::npos)
      << result.err;
  const auto image = image::read_image(file);
  const auto checks = verified(image, {"OPEN DAY", "OPEN BAY", "Zebra"});
  EXPECT_EQ(checks[0].state, TextState::kFound);
  EXPECT_EQ(checks[1].state, TextState::kSimilar);
  EXPECT_EQ(checks[2].state, TextState::kMissing);
  // The first candidate is right, so it is the picture without --best-of.
  const auto bytes = test::read_file(file);
  const auto best = run({"--best-of", "3", "--json", "--quiet"});
  ASSERT_EQ(best.exit_code, 0) << best.err;
  const auto json = nlohmann::json::parse(best.out);
  EXPECT_EQ(json.at("candidates"), 1);
  const auto& picture = json.at("pictures").at(0);
  EXPECT_EQ(picture.at("verification").at(0).at("state"), "found");
  EXPECT_EQ(test::read_file(file), bytes);
  // Nothing is left beside the picture.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(Verifier, MissingDataAreReportedBeforeDrawing) {
  const test::TemporaryDirectory folder;
  fs::create_directory(folder.path() / "no_data");
  ::setenv("TESSDATA_PREFIX", (folder.path() / "no_data").c_str(), /*overwrite=*/1);
  const auto result = test::run_program({test::glm_image_program(),
                                         "generate",
                                         "--model",
                                         (test::project_dir() / "models" / "nano").string(),
                                         "--verify",
                                         "-p",
                                         "a sign \"OPEN\"",
                                         "-o",
                                         (folder.path() / "a.png").string()});
  ::unsetenv("TESSDATA_PREFIX");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "glm-image: verify needs Tesseract's data \"eng\" to read the text \"OPEN\": install "
            "the package tesseract-ocr-eng\n");
  EXPECT_FALSE(fs::exists(folder.path() / "a.png"));
}

}  // namespace
}  // namespace glm_image::evaluate
