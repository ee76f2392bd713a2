// Tests the scorer on known pictures: the suite's ground truth, unchanged and with one change.

#include "evaluate/picture_scorer.h"

#include "evaluate/shared_suite.h"
#include "evaluate/tier_score.h"
#include "nano/posters/poster_data.h"

namespace glm_image::evaluate {
namespace {

using posters::Place;
using posters::SuitePrompt;
using test::poster_source;
using test::suite_prompt;

PictureScorer& scorer() {
  static PictureScorer scorer(poster_source());
  return scorer;
}

/// Scores the ground truth of `drawn` against the prompt `asked`.
PromptScore score(const SuitePrompt& asked, const SuitePrompt& drawn) {
  return scorer().score(asked, test::truth_of(drawn));
}

Proportion of(const PromptScore& score, const std::vector<Measure>& measures) {
  TierScore sum;
  sum.add(score);
  return sum.of(measures);
}

double similarity_of(const PromptScore& score) {
  TierScore sum;
  sum.add(score);
  return mean_of(sum.similarities());
}

const std::vector<Measure> kWords = {Measure::kWordRead, Measure::kWordCompared};

/// A prompt that mentions everything, so that everything is judged.
SuitePrompt make_prompt() {
  SuitePrompt prompt;
  prompt.id = "made";
  prompt.tier = 3;
  auto& scene = prompt.scene;
  scene.background.first = {"white", {255, 255, 255}};
  scene.pictograms = {{"elephant", Place::kBottomLeft, 0.4}};
  scene.texts.resize(1);
  auto& text = scene.texts.front();
  text.text = "wʋlu bamba";
  text.lines = {text.text};
  text.colour = {"blue", {34, 96, 220}};
  text.place = Place::kTop;
  text.style = "plain";
  text.font = "DejaVu Sans Mono";
  text.size = 0.13;
  prompt.caption.says = {"poster.background",
                         "poster.second",
                         "texts[0].quoted",
                         "texts[0].colour",
                         "texts[0].place",
                         "pictograms[0].name",
                         "pictograms[0].place"};
  return prompt;
}

void set_text(SuitePrompt& prompt, const std::string& text) {
  prompt.scene.texts.front().text = text;
  prompt.scene.texts.front().lines = {text};
}

TEST(PictureScorer, GroundTruthScoresNearlyEverything) {
  TierScore sum;
  for (const auto& prompt : test::poster_suite().prompts) {
    const auto number = std::stoi(prompt.id.substr(2));
    if (number % 25 == 1) sum.add(score(prompt, prompt));
  }
  EXPECT_EQ(sum.whole_pictures().total, 12);
  EXPECT_GE(sum.whole_pictures().right, 10);
  EXPECT_GT(sum.of({Measure::kWordRead}).total, 10);
  EXPECT_GT(sum.of({Measure::kWordCompared}).total, 2);
  EXPECT_GE(sum.of(kWords).share(), 0.95);
  EXPECT_GE(mean_of(sum.similarities()), 0.97);
  for (const auto measure : {Measure::kPictogram,
                             Measure::kBackgroundColour,
                             Measure::kTextColour,
                             Measure::kTextPlace,
                             Measure::kPictogramPlace}) {
    EXPECT_GT(sum.of({measure}).total, 5) << measure_name(measure);
    EXPECT_EQ(sum.of({measure}).share(), 1) << measure_name(measure);
  }
}

TEST(PictureScorer, ABlankPictureScoresNothingButItsColour) {
  auto prompt = make_prompt();
  auto blank = prompt;
  blank.scene.texts.clear();
  blank.scene.pictograms.clear();
  const auto result = score(prompt, blank);
  EXPECT_EQ(of(result, kWords).right, 0);
  EXPECT_EQ(of(result, kWords).total, 2);
  for (const auto measure :
       {Measure::kPictogram, Measure::kTextColour, Measure::kTextPlace, Measure::kPictogramPlace}) {
    EXPECT_EQ(of(result, {measure}).right, 0) << measure_name(measure);
    EXPECT_EQ(of(result, {measure}).total, 1) << measure_name(measure);
  }
  EXPECT_EQ(of(result, {Measure::kBackgroundColour}).right, 1);
  EXPECT_EQ(result.similarities, (std::vector<double>{0, 0}));
}

TEST(PictureScorer, JudgesOnlyWhatThePromptMentions) {
  auto prompt = make_prompt();
  prompt.caption.says = {"texts[0].quoted", "pictograms[0].name"};
  const auto result = score(prompt, prompt);
  EXPECT_EQ(result.judgements.size(), 3U);  // two words and a pictogram
}

TEST(PictureScorer, OneWrongLetterIsAWrongWord) {
  const auto prompt = make_prompt();
  EXPECT_EQ(of(score(prompt, prompt), kWords).right, 2);
  // A letter unknown to Tesseract for a similar one, the reverse, an additional accent, a missing
  // letter, a doubled letter.
  for (const char* drawn : {"wulu bamba",
                            "wʋlʋ bamba",
                            "wʋl bamba",
                            "wʋʋlu bamba",
                            "wʋlu bãmba",
                            "wʋlu bamɓa",
                            "wʋlu bemba",
                            "wʋlu bama"}) {
    auto other = prompt;
    set_text(other, drawn);
    const auto result = score(prompt, other);
    EXPECT_EQ(of(result, kWords).right, 1) << drawn;
    EXPECT_LT(similarity_of(result), 1) << drawn;
    EXPECT_GT(similarity_of(result), 0.8) << drawn;
  }
}

TEST(PictureScorer, WordsAreFoundInAnyFontSizePlaceAndBreak) {
  const auto prompt = make_prompt();
  auto other = prompt;
  auto& text = other.scene.texts.front();
  text.lines = {"wʋlu", "bamba"};
  text.style = "serif";
  text.font = "Noto Serif";
  text.size = 0.1557;
  text.place = Place::kBottom;
  other.scene.pictograms.front().place = Place::kTopLeft;
  const auto result = score(prompt, other);
  EXPECT_EQ(of(result, kWords).right, 2);
  EXPECT_EQ(of(result, {Measure::kTextPlace}).right, 0);
}

TEST(PictureScorer, LostSpacesAreNoErrors) {
  auto prompt = make_prompt();
  set_text(prompt, "9 %");
  auto other = prompt;
  set_text(other, "9%");
  EXPECT_EQ(of(score(prompt, other), kWords).right, 2);
}

TEST(PictureScorer, AnotherPictogramIsWrong) {
  const auto prompt = make_prompt();
  for (const char* id : {"lion", "giraffe", "cow", "pig", "mouse"}) {
    auto other = prompt;
    other.scene.pictograms.front().id = id;
    const auto result = score(prompt, other);
    EXPECT_EQ(of(result, {Measure::kPictogram}).right, 0) << id;
    EXPECT_EQ(of(result, {Measure::kPictogramPlace}).right, 0) << id;
    EXPECT_EQ(of(result, kWords).right, 2) << id;
  }
}

TEST(PictureScorer, PictogramsAreFoundAtAnySizeAndJudgedAtTheirPlace) {
  const auto prompt = make_prompt();
  auto other = prompt;
  other.scene.pictograms.front().size = 0.3;
  EXPECT_EQ(of(score(prompt, other), {Measure::kPictogram}).right, 1);
  EXPECT_EQ(of(score(prompt, other), {Measure::kPictogramPlace}).right, 1);
  other.scene.pictograms.front().place = Place::kBottomRight;
  EXPECT_EQ(of(score(prompt, other), {Measure::kPictogram}).right, 1);
  EXPECT_EQ(of(score(prompt, other), {Measure::kPictogramPlace}).right, 0);
}

TEST(PictureScorer, OtherColoursAreWrong) {
  const auto& palette = poster_source().data().palette;
  const auto prompt = make_prompt();
  auto red = prompt;
  red.scene.texts.front().colour = palette.find("red")->colour;
  EXPECT_EQ(of(score(prompt, red), {Measure::kTextColour}).right, 0);
  EXPECT_EQ(of(score(prompt, red), kWords).right, 2);
  auto yellow = prompt;
  yellow.scene.background.first = palette.find("yellow")->colour;
  EXPECT_EQ(of(score(prompt, yellow), {Measure::kBackgroundColour}).right, 0);
  // A gradient is not a match for its first colour.
  auto gradient = prompt;
  gradient.scene.background.second = palette.find("yellow")->colour;
  EXPECT_EQ(of(score(prompt, gradient), {Measure::kBackgroundColour}).right, 0);
  EXPECT_EQ(of(score(gradient, gradient), {Measure::kBackgroundColour}).right, 2);
  EXPECT_EQ(of(score(gradient, prompt), {Measure::kBackgroundColour}).right, 1);
}

TEST(PictureScorer, RefusesAPictureOfAnotherSize) {
  const auto prompt = make_prompt();
  auto image = test::truth_of(prompt);
  image.height -= 1;
  image.pixels.resize(static_cast<std::size_t>(3 * image.width * image.height));
  test::expect_error(ErrorCode::kInvalidInput, {"made", "256×255", "256×256"}, [&] {
    scorer().score(prompt, image);
  });
}

TEST(PictureScorer, NoiseIsNotReadAndDoesNotTakeLong) {
  const auto prompt = make_prompt();
  Image noise{256, 256, {}};
  uint32_t state = 1;
  for (int i = 0; i < 3 * 256 * 256; ++i) {
    state = state * 1664525 + 1013904223;
    noise.pixels.push_back(static_cast<uint8_t>(state >> 24));
  }
  const auto result = scorer().score(prompt, noise);
  EXPECT_EQ(of(result, kWords).right, 0);
  EXPECT_EQ(of(result, {Measure::kPictogram}).right, 0);
}

}  // namespace
}  // namespace glm_image::evaluate
