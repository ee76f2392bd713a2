#include "nano/posters/poster_source.h"

#include <map>
#include <set>

#include "nano/posters/arrangement.h"
#include "nano/posters/colour_contrast.h"
#include "nano/posters/poster_data.h"
#include "nano/posters/scene_json.h"
#include "shared_source.h"
#include "text/unicode.h"

namespace glm_image::posters {
namespace {

using test::poster_source;

/// The items that the two splits must not share.
struct Seen {
  std::set<std::string> words, texts, pairs, layouts, lone_places;
};

Seen see(Split split, uint64_t scenes) {
  Seen seen;
  for (uint64_t i = 0; i < scenes; ++i) {
    const auto scene = poster_source().scene(i, split);
    std::vector<Place> text_places;
    std::vector<Place> pictogram_places;
    for (const auto& item : scene.texts) {
      std::string whole;
      for (const auto& word : folded_words(item.text)) {
        if (text::code_points(word).size() >= kShortestHeldWord) seen.words.insert(word);
        whole += word + " ";
      }
      seen.texts.insert(whole);
      text_places.push_back(item.place);
    }
    for (const auto& item : scene.pictograms) {
      pictogram_places.push_back(item.place);
      seen.pairs.insert(scene.background.first.id + " " + item.id);
      if (scene.background.second) seen.pairs.insert(scene.background.second->id + " " + item.id);
    }
    if (text_places.size() + pictogram_places.size() < 2) {
      seen.lone_places.insert(std::string(place_name(text_places.at(0))));
    } else {
      seen.layouts.insert(layout_name(text_places, pictogram_places));
    }
  }
  return seen;
}

void expect_disjoint(const std::set<std::string>& training,
                     const std::set<std::string>& evaluation,
                     std::size_t at_least) {
  EXPECT_GE(evaluation.size(), at_least);
  EXPECT_GE(training.size(), at_least);
  for (const auto& name : evaluation) EXPECT_EQ(training.count(name), 0u) << name;
}

TEST(PosterSource, SplitsShareNoWordPairOrLayout) {
  const auto training = see(Split::kTraining, 10000);
  const auto evaluation = see(Split::kEvaluation, 10000);
  expect_disjoint(training.words, evaluation.words, 2000);
  expect_disjoint(training.texts, evaluation.texts, 3000);
  expect_disjoint(training.pairs, evaluation.pairs, 200);
  expect_disjoint(training.layouts, evaluation.layouts, 50);
  // A single text occurs at every place in both splits.
  EXPECT_EQ(training.lone_places.size(), static_cast<size_t>(kPlaceCount));
  EXPECT_EQ(evaluation.lone_places, training.lone_places);
}

TEST(PosterSource, FoldsWords) {
  EXPECT_EQ(folded_words("ÉCOLE, de Saaba!"), (std::vector<std::string>{"école", "de", "saaba"}));
  EXPECT_EQ(folded_words("N'Gourma & Ɓii"), (std::vector<std::string>{"n'gourma", "ɓii"}));
  EXPECT_EQ(split_of_text("SAABA!"), split_of_text("saaba"));
}

TEST(PosterSource, DependsOnSeedSplitAndIndexAlone) {
  const auto again = PosterSource::load(test::poster_folder());
  std::set<std::string> different;
  PosterSource::Options other_seed;
  other_seed.seed = 7;
  for (uint64_t i = 0; i < 50; ++i) {
    for (const auto split : {Split::kTraining, Split::kEvaluation}) {
      const auto scene = poster_source().scene(i, split);
      const auto text = scene_to_json(scene).dump();
      EXPECT_EQ(scene_to_json(again.scene(i, split)).dump(), text);
      EXPECT_EQ(again.caption(scene, i), poster_source().caption(scene, i));
      different.insert(text);
      different.insert(scene_to_json(poster_source().scene(i, split, other_seed)).dump());
    }
  }
  EXPECT_EQ(different.size(), 200u);
}

TEST(PosterSource, LettersAreLargeAndStandOut) {
  for (uint64_t i = 0; i < 3000; ++i) {
    const auto scene = poster_source().scene(i, Split::kTraining);
    ASSERT_GE(scene.texts.size(), 1u);
    ASSERT_LE(scene.texts.size(), 2u);
    ASSERT_LE(scene.pictograms.size(), 2u);
    for (const auto& item : scene.texts) {
      EXPECT_GE(item.size, 0.13);
      EXPECT_LE(item.size, 0.2701);
      const std::size_t most_lines = scene.texts.size() == 2 && !scene.pictograms.empty() ? 1 : 2;
      EXPECT_LE(item.lines.size(), most_lines) << item.text;
      EXPECT_GE(contrast_on(item.colour, scene.background), 3) << item.text;
      EXPECT_EQ(text::to_nfc(item.text), item.text);
    }
    for (const auto& item : scene.pictograms) {
      EXPECT_EQ(item.size, 0.3125);
    }
    poster_source().check(scene);
  }
}

TEST(PosterSource, ContrastIsThatOfTheStandard) {
  EXPECT_NEAR(contrast_ratio({0, 0, 0}, {255, 255, 255}), 21, 1e-9);
  EXPECT_NEAR(contrast_ratio({0x77, 0x77, 0x77}, {255, 255, 255}), 4.48, 0.01);
  EXPECT_NEAR(contrast_ratio({255, 0, 0}, {255, 255, 255}), 4.00, 0.01);
}

TEST(PosterSource, EveryLetterAppearsOften) {
  std::map<char32_t, int> count;
  for (uint64_t i = 0; i < 10000; ++i) {
    for (const auto& item : poster_source().scene(i, Split::kTraining).texts) {
      for (const auto& point : text::code_points(item.text)) ++count[point.value];
    }
  }
  const std::string small = "abcdefghijklmnopqrstuvwxyzãẽĩõũɛɔɩʋŋɲɓɗƴéèêçàùîô";
  const std::string capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZÃẼĨÕŨƐƆƖƲŊƝƁƊƳÉÈÊÇÀÙÎÔ";
  for (const auto& letters : {small, capital, std::string("0123456789!?,.:-'%&/")}) {
    for (const auto& point : text::code_points(letters)) {
      std::string letter;
      text::append_utf8(letter, point.value);
      EXPECT_GE(count[point.value], 40) << letter;
    }
  }
}

TEST(PosterSource, TakesOptions) {
  PosterSource::Options options;
  options.min_texts = options.max_texts = 2;
  options.min_pictograms = options.max_pictograms = 2;
  options.gradient_share = 1;
  int gradients = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    const auto scene = poster_source().scene(i, Split::kEvaluation, options);
    EXPECT_EQ(scene.texts.size(), 2u);
    EXPECT_EQ(scene.pictograms.size(), 2u);
    gradients += scene.background.second.has_value();
  }
  EXPECT_GE(gradients, 50);
  options.max_texts = 3;
  test::expect_error(ErrorCode::kInvalidInput, {"1 to 2 texts"}, [&] {
    poster_source().scene(0, Split::kTraining, options);
  });
}

TEST(PosterSource, ChecksScenesFromOutside) {
  const auto good = poster_source().scene(3, Split::kTraining);
  poster_source().check(good);
  const auto expect_refused = [&](const std::string& reason, const auto& change) {
    auto scene = good;
    change(scene);
    test::expect_error(ErrorCode::kInvalidInput, {reason}, [&] { poster_source().check(scene); });
  };
  expect_refused("no pictogram is called unicorn", [](Scene& scene) {
    scene.pictograms = {{"unicorn", Place::kTop, kPictogramSizes[0]}};
  });
  expect_refused("no style", [](Scene& scene) { scene.texts[0].font = "Comic Sans"; });
  expect_refused("size", [](Scene& scene) { scene.texts[0].size = 0.05; });
  expect_refused("letters that no word list has", [](Scene& scene) {
    scene.texts[0].text = "学校";
    scene.texts[0].lines = {"学校"};
  });
  expect_refused("not its own", [](Scene& scene) { scene.texts[0].text = "other"; });
  expect_refused("too close", [](Scene& scene) { scene.texts.push_back(scene.texts[0]); });
}

}  // namespace
}  // namespace glm_image::posters
