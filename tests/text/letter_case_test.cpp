#include "text/letter_case.h"

#include "support/test_support.h"

namespace glm_image::text {
namespace {

TEST(LetterCase, FollowsUnicodeInEveryLocale) {
  EXPECT_EQ(upper_case("école, ɛɔɩʋŋɓɗƴ, istanbul"), "ÉCOLE, ƐƆƖƲŊƁƊƳ, ISTANBUL");
  EXPECT_EQ(lower_case("ÉCOLE, ƐƆƖƲŊƁƊƳ, ISTANBUL"), "école, ɛɔɩʋŋɓɗƴ, istanbul");
  EXPECT_EQ(upper_case("Straße"), "STRASSE");
  EXPECT_EQ(lower_case("ΟΔΟΣ"), "οδος") << "a sigma at the end of a word";
  EXPECT_EQ(lower_case(""), "");
}

TEST(LetterCase, ComposesLetters) {
  EXPECT_EQ(upper_case("e\u0301"), "É");
  EXPECT_EQ(lower_case("E\u0303"), "ẽ");
}

}  // namespace
}  // namespace glm_image::text
