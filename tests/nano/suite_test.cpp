#include "nano/posters/suite.h"

#include <map>
#include <set>

#include "shared_source.h"
#include "text/glyph_texts.h"

namespace glm_image::posters {
namespace {

using test::poster_source;

Suite committed() {
  return Suite::load(test::poster_folder().parent_path() / "suites" / "posters.json");
}

TEST(Suite, HasThreeTiersOfAHundred) {
  const auto suite = committed();
  EXPECT_EQ(suite.name, "posters");
  int count[4] = {};
  std::set<std::string> ids;
  std::set<std::string> prompts;
  for (const auto& prompt : suite.prompts) {
    ++count[prompt.tier];
    ids.insert(prompt.id);
    prompts.insert(prompt.caption.text);
    const auto texts = prompt.scene.texts.size();
    const auto pictograms = prompt.scene.pictograms.size();
    EXPECT_EQ(texts, prompt.tier == 1 ? 1u : 2u) << prompt.id;
    if (prompt.tier == 1) {
      EXPECT_LE(pictograms, 1u) << prompt.id;
    } else if (prompt.tier == 2) {
      EXPECT_EQ(pictograms, 0u) << prompt.id;
    } else {
      EXPECT_EQ(pictograms, 2u) << prompt.id;
      for (const auto* place :
           {"texts[0].place", "texts[1].place", "pictograms[0].place", "pictograms[1].place"}) {
        EXPECT_EQ(prompt.caption.says.count(place), 1u) << prompt.id;
      }
    }
  }
  EXPECT_EQ(count[1], 100);
  EXPECT_EQ(count[2], 100);
  EXPECT_EQ(count[3], 100);
  EXPECT_EQ(ids.size(), 300u);
  EXPECT_EQ(prompts.size(), 300u);
}

TEST(Suite, IsHeldOutAndDrawable) {
  for (const auto& prompt : committed().prompts) {
    const auto& scene = prompt.scene;
    poster_source().check(scene);
    std::vector<std::string> texts;
    std::vector<Place> text_places;
    std::vector<Place> pictogram_places;
    for (const auto& item : scene.texts) {
      texts.push_back(item.text);
      text_places.push_back(item.place);
      EXPECT_EQ(split_of_text(item.text), Split::kEvaluation) << item.text;
    }
    for (const auto& item : scene.pictograms) {
      pictogram_places.push_back(item.place);
      EXPECT_TRUE(pairs_belong(scene.background, item.id, Split::kEvaluation)) << prompt.id;
    }
    EXPECT_TRUE(layout_belongs(text_places, pictogram_places, Split::kEvaluation)) << prompt.id;
    EXPECT_EQ(text::glyph_texts(prompt.caption.text, text::GlyphRules::kSmart), texts);
  }
}

// Every language is measured, and another seed gives other prompts.
TEST(Suite, ANewOneHasItsOwnPromptsAndNamesTheLanguages) {
  const auto suite = make_suite(poster_source(), "posters-2", /*seed=*/20261);
  EXPECT_EQ(suite.name, "posters-2");
  ASSERT_EQ(suite.prompts.size(), 300U);
  std::set<std::string> old_prompts;
  for (const auto& prompt : committed().prompts) old_prompts.insert(prompt.caption.text);
  std::map<std::string, int> texts;
  int all = 0;
  for (const auto& prompt : suite.prompts) {
    EXPECT_EQ(old_prompts.count(prompt.caption.text), 0U) << prompt.caption.text;
    poster_source().check(prompt.scene);
    for (const auto& item : prompt.scene.texts) {
      ++texts[item.language];
      ++all;
    }
  }
  for (const char* language : {"french", "english", "moore", "dioula", "fulfulde"}) {
    EXPECT_GE(texts[language], 30) << language;
  }
  // Texts of numbers alone have no language.
  EXPECT_LT(4 * texts[""], all);
  EXPECT_EQ(texts.size(), 6U);

  test::TemporaryDirectory folder;
  test::write_file(folder.path() / "suite.json", suite.to_json().dump());
  EXPECT_EQ(Suite::load(folder.path() / "suite.json").to_json(), suite.to_json());
}

}  // namespace
}  // namespace glm_image::posters
