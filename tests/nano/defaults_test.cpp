#include "nano/posters/defaults.h"

#include <gtest/gtest.h>

#include "nano/posters/scene_json.h"
#include "shared_source.h"

namespace glm_image::posters {
namespace {

using test::poster_source;

constexpr uint64_t kPosters = 300;

std::string name_of(const char* items, std::size_t index, const char* what) {
  return std::string(items) + "[" + std::to_string(index) + "]." + what;
}

TEST(Defaults, KeepWhatTheCaptionMentions) {
  for (const auto split : {Split::kTraining, Split::kEvaluation}) {
    for (uint64_t i = 0; i < kPosters; ++i) {
      const auto drawn = poster_source().scene(i, split);
      const auto [scene, caption] = poster_source().poster(i, split);
      const auto says = [&](const char* items, std::size_t index, const char* what) {
        return caption.says.count(name_of(items, index, what)) > 0;
      };
      ASSERT_EQ(scene.texts.size(), drawn.texts.size());
      ASSERT_EQ(scene.pictograms.size(), drawn.pictograms.size());
      EXPECT_EQ(scene.background.first.id, drawn.background.first.id);
      for (std::size_t item = 0; item < scene.texts.size(); ++item) {
        const auto &text = scene.texts[item], &before = drawn.texts[item];
        EXPECT_EQ(text.text, before.text);
        if (says("texts", item, "colour")) {
          EXPECT_EQ(text.colour.id, before.colour.id);
        }
        if (says("texts", item, "place")) {
          EXPECT_EQ(text.place, before.place);
        }
        if (says("texts", item, "style")) {
          EXPECT_EQ(text.style, before.style);
        }
      }
      for (std::size_t item = 0; item < scene.pictograms.size(); ++item) {
        EXPECT_EQ(scene.pictograms[item].id, drawn.pictograms[item].id);
        if (says("pictograms", item, "place")) {
          EXPECT_EQ(scene.pictograms[item].place, drawn.pictograms[item].place);
        }
      }
    }
  }
}

TEST(Defaults, GiveScenesThatFitAndBelongToTheirSplit) {
  for (const auto split : {Split::kTraining, Split::kEvaluation}) {
    for (uint64_t i = 0; i < kPosters; ++i) {
      const auto scene = poster_source().poster(i, split).scene;
      EXPECT_NO_THROW(poster_source().check(scene)) << i;
      std::vector<Place> texts, pictograms;
      for (const auto& item : scene.texts) texts.push_back(item.place);
      for (const auto& item : scene.pictograms) pictograms.push_back(item.place);
      EXPECT_TRUE(layout_belongs(texts, pictograms, split)) << i;
    }
  }
}

TEST(Defaults, DetermineAllButTheBackground) {
  uint64_t compared = 0;
  for (uint64_t i = 0; i < kPosters; ++i) {
    const auto [scene, caption] = poster_source().poster(i, Split::kTraining);
    // Another scene with the same caption.
    auto other = scene;
    for (std::size_t item = 0; item < other.texts.size(); ++item) {
      auto& text = other.texts[item];
      if (caption.says.count(name_of("texts", item, "colour")) == 0) {
        text.colour = poster_source().data().palette.find("red")->colour;
      }
      if (caption.says.count(name_of("texts", item, "style")) == 0) {
        text.style = "plain";
        text.font = "DejaVu Sans Mono";
      }
      if (caption.says.count(name_of("texts", item, "place")) == 0) text.place = Place::kTopLeft;
      text.size = 0.01;
    }
    for (std::size_t item = 0; item < other.pictograms.size(); ++item) {
      if (caption.says.count(name_of("pictograms", item, "place")) == 0) {
        other.pictograms[item].place = Place::kBottomRight;
      }
    }
    const auto again = with_defaults(poster_source().data(), other, caption.says, Split::kTraining);
    if (again.texts[0].size < 0.1) continue;  // no default fits, so `other` is unchanged
    ++compared;
    EXPECT_EQ(scene_to_json(again).dump(), scene_to_json(scene).dump()) << caption.text;
  }
  EXPECT_GT(compared, kPosters * 95 / 100);
}

TEST(Defaults, AreALoneTextInBoldBlackOrWhiteInTheCentre) {
  const auto& palette = poster_source().data().palette;
  PosterSource::Options options;
  options.max_texts = 1;
  options.max_pictograms = 0;
  for (const auto& [ground, ink] :
       {std::pair("yellow", "black"), std::pair("dark_blue", "white")}) {
    auto scene = poster_source().scene(3, Split::kTraining, options);
    scene.background = {palette.find(ground)->colour, std::nullopt};
    const auto settled =
        with_defaults(poster_source().data(), scene, /*says=*/{}, Split::kTraining);
    EXPECT_EQ(settled.texts[0].colour.id, ink);
    EXPECT_EQ(settled.texts[0].style, "bold");
    EXPECT_EQ(settled.texts[0].place, Place::kCentre);
  }
}

}  // namespace
}  // namespace glm_image::posters
