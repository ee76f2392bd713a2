#include "nano/training/merge_learning.h"

#include <gtest/gtest.h>

namespace glm_image::test {
namespace {

using nano::learn_merges;
using nano::TokenPair;

TEST(MergeLearning, TakesTheMostFrequentPairFirst) {
  // "ab" occurs 5 + 2 times, "bc" twice.
  EXPECT_EQ(learn_merges({{"ab", 5}, {"abc", 2}}, 2),
            (std::vector<TokenPair>{{"a", "b"}, {"ab", "c"}}));
}

TEST(MergeLearning, CountsInsideAWordAndAcrossRepeats) {
  // The pair "an" occurs twice in one word; then "anan".
  EXPECT_EQ(learn_merges({{"banan", 3}}, 2), (std::vector<TokenPair>{{"a", "n"}, {"an", "an"}}));
  // Three equal letters: the pair overlaps itself and is merged from the left.
  EXPECT_EQ(learn_merges({{"aaa", 2}}, 5), (std::vector<TokenPair>{{"a", "a"}, {"aa", "a"}}));
}

TEST(MergeLearning, TiesGoToTheFirstPairInOrder) {
  EXPECT_EQ(learn_merges({{"zy", 2}, {"ab", 2}, {"mn", 2}}, 2),
            (std::vector<TokenPair>{{"a", "b"}, {"m", "n"}}));
}

TEST(MergeLearning, EndsWhenNothingOccursTwice) {
  EXPECT_EQ(learn_merges({{"abc", 1}, {"xyz", 1}}, 9), std::vector<TokenPair>());
  EXPECT_EQ(learn_merges({}, 9), std::vector<TokenPair>());
}

TEST(MergeLearning, CharactersOfSeveralBytesAreOneToken) {
  EXPECT_EQ(learn_merges({{"éĠ", 2}}, 3), (std::vector<TokenPair>{{"é", "Ġ"}}));
}

TEST(MergeLearning, TwoPairsThatMakeOneTokenCountOnce) {
  // "abc" consists of ab+c in one word and a+bc in another.
  const auto merges = learn_merges({{"ab", 9}, {"abc", 3}, {"bc", 9}, {"xbc", 0}, {"bcabc", 4}}, 3);
  std::set<std::string> made;
  for (const auto& [left, right] : merges) made.insert(left + right);
  EXPECT_EQ(made.size(), 3U);
}

}  // namespace
}  // namespace glm_image::test
