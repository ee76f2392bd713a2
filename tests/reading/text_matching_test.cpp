#include "reading/text_matching.h"

#include <gtest/gtest.h>

#include "reading/text_reader.h"

namespace glm_image::reading {
namespace {

/// Words in a row, 10 pixels wide each.
std::vector<ReadWord> reading_of(const std::vector<std::string>& words) {
  std::vector<ReadWord> reading;
  for (const auto& word : words) {
    const auto left = static_cast<int64_t>(reading.size()) * 20;
    reading.push_back({word, {left, 5, left + 10, 15}});
  }
  return reading;
}

std::vector<TextCheck> matched(const std::vector<std::string>& read,
                               const std::vector<WantedText>& wanted) {
  std::vector<TextCheck> checks;
  for (const auto& text : wanted) {
    checks.emplace_back();
    checks.back().text = text.text;
  }
  const auto reading = reading_of(read);
  match_texts(reading, wanted, checks);
  return checks;
}

TextCheck matched(const std::vector<std::string>& read, const std::string& text) {
  return matched(read, std::vector<WantedText>{{text, {}}}).front();
}

TEST(TextMatching, ATextIsFoundWhateverItsCapitalsSpacesAndLines) {
  const auto check = matched({"Saaba", "OPEN", "DAY", "2026"}, "Open Day");
  EXPECT_EQ(check.state, TextState::kFound);
  EXPECT_EQ(check.similarity, 1);
  EXPECT_EQ(check.read, "OPEN DAY");
  ASSERT_TRUE(check.box);
  EXPECT_EQ(check.box->left, 20);
  EXPECT_EQ(check.box->top, 5);
  EXPECT_EQ(check.box->width, 30);
  EXPECT_EQ(check.box->height, 10);
  EXPECT_EQ(matched({"OPENDAY"}, "OPEN DAY").state, TextState::kFound);
  EXPECT_EQ(matched({"9", "%"}, "9%").state, TextState::kFound);
  EXPECT_EQ(matched({"l'Été"}, "L’ÉTÉ").state, TextState::kFound);
  EXPECT_EQ(matched({"春节", "快乐"}, "春节快乐").state, TextState::kFound);
}

TEST(TextMatching, OneWrongLetterIsSimilar) {
  for (const char* read : {"OPEM DAY", "OPE DAY", "OPENN DAY", "ÓPEN DAY", "OPEN DAY!"}) {
    const auto check = matched({read}, "OPEN DAY");
    EXPECT_EQ(check.state, TextState::kSimilar) << read;
    EXPECT_EQ(check.read, read);
    EXPECT_GT(check.similarity, 0.8) << read;
    EXPECT_LT(check.similarity, 1) << read;
  }
  // 1 − 1 / 8: one of the letters of "openpday" is wrong.
  EXPECT_DOUBLE_EQ(matched({"OPENP", "DAY"}, "OPEN DAY").similarity, 7.0 / 8);
}

TEST(TextMatching, WhatIsNotThereIsMissing) {
  for (const auto& read : std::vector<std::vector<std::string>>{{}, {"zebra"}, {"", "|"}}) {
    const auto check = matched(read, "OPEN DAY");
    EXPECT_EQ(check.state, TextState::kMissing);
    EXPECT_EQ(check.read, "");
    EXPECT_FALSE(check.box);
    EXPECT_LT(check.similarity, kSimilarText);
  }
}

TEST(TextMatching, WordsMayStandApartButNotBelongToAnotherText) {
  const auto apart = matched({"OPEN", "zebra", "giraffe", "DAY"}, "OPEN DAY");
  EXPECT_EQ(apart.state, TextState::kFound);
  const auto both = matched({"Marché", "de", "Saaba", "École"},
                            {{"Marché de Saaba", {}}, {"École de Saaba", {}}});
  EXPECT_EQ(both[0].state, TextState::kFound);
  EXPECT_NE(both[1].state, TextState::kFound);
  // A prompt that mentions a text twice wants it once.
  const auto twice = matched({"OPEN"}, {{"OPEN", {}}, {"open", {}}});
  EXPECT_EQ(twice[1].state, TextState::kFound);
}

TEST(TextMatching, UnknownLettersMayBeReadAsSimilarOnes) {
  const std::set<char32_t> unknown = {U'ʋ', U'ɔ', U'ẽ'};
  EXPECT_EQ(matched({"wulo", "wênd"}, {{"wʋlɔ wẽnd", unknown}})[0].state, TextState::kFound);
  EXPECT_EQ(matched({"walo", "wend"}, {{"wʋlɔ wẽnd", unknown}})[0].state, TextState::kSimilar);
  EXPECT_EQ(matched({"wulo"}, {{"wʋlo", {}}})[0].state, TextState::kSimilar);
  EXPECT_EQ(matched({"écolé"}, {{"école", unknown}})[0].state, TextState::kSimilar);
}

TEST(TextMatching, ALongTextIsComparedWordByWord) {
  std::string text;
  std::vector<std::string> words;
  for (int i = 0; i < 200; ++i) {
    words.push_back("word" + std::to_string(i));
    text += (i > 0 ? " " : "") + words.back();
  }
  EXPECT_EQ(matched(words, text).state, TextState::kFound);
  words[100] = "ward100";
  const auto check = matched(words, text);
  EXPECT_EQ(check.state, TextState::kSimilar);
  EXPECT_GT(check.similarity, 0.99);
}

}  // namespace
}  // namespace glm_image::reading
