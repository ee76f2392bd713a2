#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "evaluate/similar_letters.h"
#include "reading/word_score.h"

namespace glm_image::evaluate {
namespace {

using reading::can_be_read;
using reading::compared_words;
using reading::edit_distance;
using reading::similarity;

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

TEST(Words, EditDistanceByHand) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", ""), 3);
  EXPECT_EQ(edit_distance("abc", "abc"), 0);
  EXPECT_EQ(edit_distance("ab", "ba"), 2);
  // One character, however many bytes it has.
  EXPECT_EQ(edit_distance("ɓɔwgo", "bɔwgo"), 1);
}

TEST(Words, SimilarityIsRelativeToTheLongerWord) {
  EXPECT_DOUBLE_EQ(similarity("kitten", "sitting"), 1 - 3.0 / 7);
  EXPECT_DOUBLE_EQ(similarity("école", "ecole"), 0.8);
  EXPECT_DOUBLE_EQ(similarity("", ""), 1);
  EXPECT_DOUBLE_EQ(similarity("a", ""), 0);
}

TEST(Words, ComparedInLowerCaseWithTheirPunctuation) {
  const std::vector<std::string> expected = {"école", "d'été,", "13", "%"};
  EXPECT_EQ(compared_words("ÉCOLE  d’été, 13 %"), expected);
  EXPECT_TRUE(compared_words(" ").empty());
  // A letter followed by a combining accent equals the accented letter.
  EXPECT_EQ(compared_words("e\u0301te\u0301"), compared_words("ÉTÉ"));
}

TEST(Words, TesseractReadsOnlyLettersThatItKnows) {
  EXPECT_TRUE(can_be_read("École,"));
  EXPECT_TRUE(can_be_read("13/05"));
  for (const char* word : {"bɔwgo", "Ŋaam", "wẽnd", "ƴam", "GÂTEAU"}) {
    EXPECT_FALSE(can_be_read(word)) << word;
  }
}

TEST(Words, OneLetterAway) {
  const auto words = words_one_letter_away("Rʋb");
  for (const char* word : {"Rub", "Rvb", "Rʋɓ", "Rʋ", "ʋb", "Rb", "RRʋb", "Rʋʋb", "Rʋbb", "Nʋb"}) {
    EXPECT_TRUE(contains(words, word)) << word;
  }
  EXPECT_FALSE(contains(words, "Rʋb"));
  for (const auto& word : words) EXPECT_EQ(edit_distance(word, "Rʋb"), 1) << word;
  const auto unique = std::set<std::string>(words.begin(), words.end());
  EXPECT_EQ(unique.size(), words.size());
}

TEST(Words, MisreadWordsHaveALetterThatTesseractLacks) {
  const auto words = words_misread_as("wulu");
  EXPECT_TRUE(contains(words, "wʋlu"));
  EXPECT_FALSE(contains(words, "wvlu"));
  for (const auto& word : words) EXPECT_FALSE(can_be_read(word)) << word;
}

}  // namespace
}  // namespace glm_image::evaluate
