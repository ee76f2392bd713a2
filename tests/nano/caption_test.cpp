#include <set>

#include "io/json_file.h"
#include "nano/posters/poster_data.h"
#include "shared_source.h"
#include "text/glyph_texts.h"
#include "text/letter_case.h"

namespace glm_image::posters {
namespace {

using test::poster_source;

std::size_t words_in(const std::string& text) {
  std::size_t words = 1;
  for (const char c : text) words += c == ' ';
  return words;
}

TEST(Caption, QuotesTheTextsInTheirOrder) {
  std::size_t long_ones = 0;
  std::set<std::string> different;
  for (uint64_t i = 0; i < 20000; ++i) {
    const auto split = i % 2 == 0 ? Split::kTraining : Split::kEvaluation;
    const auto scene = poster_source().scene(i, split);
    std::vector<std::string> texts;
    for (const auto& item : scene.texts) texts.push_back(item.text);
    const auto caption = poster_source().caption(scene, i);
    ASSERT_EQ(text::glyph_texts(caption, text::GlyphRules::kSmart), texts) << caption;
    ASSERT_LE(words_in(caption), 60u) << caption;
    EXPECT_EQ(caption.find_first_of("{}"), std::string::npos) << caption;
    EXPECT_EQ(caption.find("  "), std::string::npos) << caption;
    long_ones += words_in(caption) > 35;
    different.insert(caption);
  }
  EXPECT_LE(long_ones, 2000u);
  EXPECT_GE(different.size(), 19500u);
}

/// Captions of one scene in many wordings.
std::vector<Caption> wordings(const Scene& scene, uint64_t count = 2000) {
  std::vector<Caption> captions;
  for (uint64_t i = 0; i < count; ++i) captions.push_back(poster_source().worded(scene, i));
  return captions;
}

Scene white_scene() {
  const auto& palette = poster_source().data().palette;
  Scene scene;
  scene.background.first = palette.find("white")->colour;
  TextItem text;
  text.text = "Barka";
  text.lines = {"Barka"};
  text.colour = palette.find("purple")->colour;
  text.place = Place::kTop;
  text.style = "bold";
  text.font = "DejaVu Sans Mono";
  text.size = 0.2;
  scene.texts = {text};
  scene.pictograms = {{"cow", Place::kBottomRight, 0.4}};
  return scene;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Caption, AgreesInGenderAndNumber) {
  int feminine = 0;
  int plural = 0;
  for (const auto& caption : wordings(white_scene())) {
    const auto& text = caption.text;
    feminine += holds(text, "affiche blanche");
    plural += holds(text, "lettres violettes");
    for (const auto* wrong : {"affiche blanc ",
                              "carte blanc ",
                              "image blanc ",
                              "pancarte blanc ",
                              "fond blanche",
                              "panneau blanche",
                              "imagier blanche",
                              "poster blanche",
                              "lettres violet ",
                              "en violette "}) {
      EXPECT_FALSE(holds(text, wrong)) << text;
    }
  }
  EXPECT_GT(feminine, 50);
  EXPECT_GT(plural, 50);
}

TEST(Caption, EnglishArticlesSuit) {
  auto scene = white_scene();
  scene.background.first = poster_source().data().palette.find("orange")->colour;
  scene.background.second = poster_source().data().palette.find("red")->colour;
  int right = 0;
  for (const bool has_gradient : {false, true}) {
    if (!has_gradient) scene.background.second.reset();
    for (const auto& caption : wordings(scene)) {
      EXPECT_FALSE(holds(caption.text, " a orange") || holds(caption.text, "A orange"))
          << caption.text;
      right += holds(caption.text, "an orange") || holds(caption.text, "An orange");
    }
  }
  EXPECT_GT(right, 100);
}

TEST(Caption, IsHalfFrenchAndMentionsWhatItReports) {
  const auto all = wordings(white_scene());
  int french = 0;
  for (const auto& [said, says] : all) {
    const auto text = text::lower_case(said);
    french += holds(text, "vache");
    EXPECT_TRUE(holds(text, "vache") || holds(text, "cow")) << text;
    EXPECT_EQ(says.count("poster.background") > 0, holds(text, "blanc") || holds(text, "white"))
        << text;
    EXPECT_EQ(says.count("texts[0].colour") > 0, holds(text, "violet") || holds(text, "purple"))
        << text;
    EXPECT_EQ(says.count("texts[0].style") > 0,
              holds(text, " gras") || holds(text, "bold") || holds(text, "thick"))
        << text;
    EXPECT_EQ(says.count("pictograms[0].place") > 0,
              holds(text, "bas à droite") || holds(text, "inférieur droit") ||
                  holds(text, "bottom right"))
        << text;
    EXPECT_EQ(says.count("texts[0].place") > 0,
              holds(text, "haut") || holds(text, "at the top") || holds(text, "above"))
        << text;
  }
  const auto share = static_cast<double>(french) / static_cast<double>(all.size());
  EXPECT_NEAR(share, 0.5, 0.05);
}

TEST(Caption, SometimesMentionsEverything) {
  std::set<std::string> said;
  std::size_t fullest = 0;
  std::size_t barest = 100;
  for (const auto& caption : wordings(white_scene())) {
    said.insert(caption.says.begin(), caption.says.end());
    fullest = std::max(fullest, caption.says.size());
    barest = std::min(barest, caption.says.size());
  }
  for (const auto* what : {"poster.background",
                           "texts[0].colour",
                           "texts[0].place",
                           "texts[0].style",
                           "pictograms[0].place"}) {
    EXPECT_EQ(said.count(what), 1u) << what;
  }
  EXPECT_GE(fullest, 7u);  // including "texts[0].quoted" and "pictograms[0].name"
  EXPECT_LE(barest, 3u);
}

TEST(Caption, TextsWithApostrophesAreNeverInSingleQuotes) {
  auto scene = white_scene();
  scene.texts[0].text = "L'eau";
  scene.texts[0].lines = {"L'eau"};
  for (const auto& caption : wordings(scene, 500)) {
    EXPECT_FALSE(holds(caption.text, "'L'") || holds(caption.text, "‘L'")) << caption.text;
  }
}

TEST(Caption, FrenchNamesCarryTheirArticle) {
  for (const auto& pictogram : poster_source().data().pictograms.all()) {
    for (const auto& name : pictogram.french) {
      EXPECT_TRUE(name.rfind("un ", 0) == 0 || name.rfind("une ", 0) == 0 ||
                  name.rfind("des ", 0) == 0)
          << name;
    }
  }
}

}  // namespace
}  // namespace glm_image::posters
