#include "reading/languages.h"

#include "reading/text_verifier.h"
#include "support/test_support.h"

namespace glm_image::reading {
namespace {

using Names = std::vector<std::string>;
const std::set<std::string> kUsual = {"eng", "fra", "osd"};

TEST(ReadingLanguages, AreChosenByTheLetters) {
  EXPECT_EQ(data_for("OPEN DAY", kUsual).languages, (Names{"fra+eng"}));
  EXPECT_EQ(data_for("OPEN DAY", {"eng", "fra", "Latin"}).languages, (Names{"fra+eng", "Latin"}));
  EXPECT_EQ(data_for("OPEN DAY", {"fra", "osd"}).languages, (Names{"fra"}));
  EXPECT_EQ(data_for("Œuvre d’été", kUsual).languages, (Names{"fra+eng"}));
  EXPECT_EQ(data_for("Grüße", {"eng", "fra", "Latin"}).languages, (Names{"Latin"}));
  EXPECT_EQ(data_for("Grüße", {"script/Latin"}).languages, (Names{"script/Latin"}));
  EXPECT_EQ(data_for("OPEN", {"Latin"}).languages, (Names{"Latin"}));
  EXPECT_EQ(data_for("春节", {"chi_sim"}).languages, (Names{"chi_sim"}));
  EXPECT_EQ(data_for("春の祭り", {"jpn", "chi_sim"}).languages, (Names{"jpn"}));
  EXPECT_EQ(data_for("Привіт", {"rus", "Cyrillic"}).languages, (Names{"Cyrillic"}));
  EXPECT_EQ(data_for("2026!", kUsual).languages, (Names{"eng"}));
  EXPECT_EQ(data_for("Saaba 春节", {"fra", "eng", "chi_sim"}).languages.front(), "fra+eng+chi_sim");
}

TEST(ReadingLanguages, LettersThatNoDataKnowAreNamed) {
  const auto data = data_for("Wʋlɔ Ẽ", {"eng", "fra", "Latin"});
  EXPECT_FALSE(data.languages.empty());
  EXPECT_EQ(data.unknown_letters, (std::set<char32_t>{U'ʋ', U'ɔ', U'ẽ'}));
  EXPECT_TRUE(data_for("OPEN", kUsual).unknown_letters.empty());
}

TEST(ReadingLanguages, AScriptWithoutDataCannotBeRead) {
  EXPECT_TRUE(data_for("ߒߞߏ", kUsual).languages.empty());
  EXPECT_TRUE(data_for("OPEN ߒߞߏ", kUsual).languages.empty());
  EXPECT_TRUE(data_for("🎉", kUsual).languages.empty());
}

TEST(ReadingLanguages, MissingDataAreNamedWithTheirPackage) {
  const auto expect_missing = [](const char* text, const char* package, auto installed) {
    test::expect_error(
        ErrorCode::kUnsupported, {"verify", text, package}, [&] { data_for(text, installed); });
  };
  expect_missing("春节", "tesseract-ocr-chi-sim", kUsual);
  expect_missing("سوق", "tesseract-ocr-ara", kUsual);
  expect_missing("Œuvre", "tesseract-ocr-fra", std::set<std::string>{"eng"});
  expect_missing("Grüße", "tesseract-ocr-script-latn", kUsual);
  expect_missing("OPEN", "tesseract-ocr-eng", std::set<std::string>());
  expect_missing("2026", "tesseract-ocr-eng", std::set<std::string>());
}

}  // namespace
}  // namespace glm_image::reading
