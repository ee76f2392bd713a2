#include "nano/posters/poster_data.h"

#include <fontconfig/fontconfig.h>

#include <algorithm>

#include "shared_source.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

using test::poster_source;

TEST(PosterData, EveryFontHasEveryLetter) {
  const auto& data = poster_source().data();
  const auto& letters = data.words.letters();
  for (const auto& point : text::code_points("abcdefghijklmnopqrstuvwxyzãẽĩõũɛɔɩʋŋɲɓɗƴéèêçàùîô"
                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZÃẼĨÕŨƐƆƖƲŊƝƁƊƳÉÈÊÇÀÙÎÔ"
                                             "0123456789!?,.:-'%&/")) {
    EXPECT_NE(std::find(letters.begin(), letters.end(), point.value), letters.end())
        << std::hex << static_cast<uint32_t>(point.value);
  }
  ASSERT_EQ(data.font_files.size(), data.lettering.faces().size());
  for (const auto& file : data.font_files) {
    int count = 0;
    FcPattern* pattern =
        FcFreeTypeQuery(reinterpret_cast<const FcChar8*>(file.c_str()), 0, nullptr, &count);
    ASSERT_NE(pattern, nullptr) << file;
    FcCharSet* characters = nullptr;
    ASSERT_EQ(FcPatternGetCharSet(pattern, FC_CHARSET, 0, &characters), FcResultMatch);
    for (const char32_t letter : letters) {
      EXPECT_TRUE(FcCharSetHasChar(characters, letter))
          << file << " " << std::hex << static_cast<uint32_t>(letter);
    }
    FcPatternDestroy(pattern);
  }
}

TEST(PosterData, HasAHundredPictograms) {
  EXPECT_GE(poster_source().data().pictograms.all().size(), 100u);
}

/// Loads a copy of the data in which `from` is replaced by `to` in one file.
void expect_refused(const std::string& file,
                    const std::string& from,
                    const std::string& to,
                    const std::vector<std::string>& fragments,
                    ErrorCode code = ErrorCode::kCorruptFile) {
  test::TemporaryDirectory directory;
  const auto folder = directory.path() / "posters";
  std::filesystem::copy(test::poster_folder(), folder, std::filesystem::copy_options::recursive);
  auto text = test::read_file(folder / file);
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << file << " has no " << from;
  text.replace(at, from.size(), to);
  test::write_file(folder / file, text);
  test::expect_error(code, fragments, [&] { PosterSource::load(folder); });
}

TEST(PosterData, ErrorsNameTheProblem) {
  expect_refused("colours.json", "[255, 255, 255]", "[255, 255]", {"colours.json", "rgb", "3"});
  expect_refused("colours.json", "\"feminine\"", "\"female\"", {"colours.json", "feminine"});
  expect_refused("colours.json", "\"black\"", "\"white\"", {"colours.json", "id", "before"});
  expect_refused("styles.json", "\"bold\": false", "\"bold\": 1", {"styles.json", "bold"});
  expect_refused("styles.json",
                 "Noto Serif",
                 "Noto Serifs",
                 {"font Noto Serifs is not installed"},
                 ErrorCode::kNotFound);
  expect_refused("pictograms.json", "🐘", "elephant", {"pictograms.json", "no picture", "elephant"});
  expect_refused("words/moore.json", "\"barka\"", "\"bærka\"", {"moore.json", "words", "æ"});
  expect_refused("words/moore.json", "\"words\": [", "\"words\": [7,", {"moore.json", "words"});
  expect_refused("numbers.json", "<digit>", "<digits>", {"numbers.json", "<digits>"});
  expect_refused(
      "captions/french.json", "{poster} avec", "{posters} avec", {"french.json", "posters"});
  expect_refused(
      "captions/french.json", "{poster} avec", "{poster avec", {"french.json", "{poster"});
  expect_refused("captions/french.json", "no_pictogram", "no_pictograms", {"french.json", "if"});
  expect_refused(
      "captions/english.json", "place.centre", "place.middle", {"english.json", "place.centre"});
  expect_refused("captions/english.json", "{\"say\"", "{\"says\"", {"english.json", "say"});
}

TEST(PosterData, MissingFilesAreNamed) {
  test::TemporaryDirectory directory;
  test::expect_error(
      ErrorCode::kNotFound, {"colours.json"}, [&] { PosterSource::load(directory.path()); });
}

}  // namespace
}  // namespace glm_image::posters
