#include "nano/posters/edits.h"

#include <map>
#include <set>
#include <type_traits>

#include "nano/posters/edit_suite.h"
#include "nano/posters/poster_data.h"
#include "nano/posters/renderer.h"
#include "nano/posters/scene_json.h"
#include "shared_source.h"
#include "text/glyph_texts.h"

namespace glm_image::posters {
namespace {

using test::poster_source;

constexpr uint64_t kEditsPerKind = 40;

std::string json_of(const Scene& scene) {
  return scene_to_json(scene).dump();
}

/// Calls `check` with edits of a kind from both splits.
template <typename Check>
void for_each_edit(EditKind kind, const Check& check) {
  for (const auto split : {Split::kTraining, Split::kEvaluation}) {
    for (uint64_t i = 0; i < kEditsPerKind; ++i) {
      const auto edit = make_edit(poster_source(), kind, /*seed=*/1, i, split);
      SCOPED_TRACE(concat(edit_kind_name(kind), " ", i, ": ", edit.instruction));
      ASSERT_EQ(edit.kind, kind);
      check(edit, split);
    }
  }
}

/// The texts of a scene that another lacks, by everything but their index.
template <typename Items>
int64_t new_items(const Items& items, const Items& before) {
  const auto text_of = [](const auto& item) {
    Scene scene;
    if constexpr (std::is_same_v<Items, std::vector<TextItem>>) {
      scene.texts = {item};
    } else {
      scene.pictograms = {item};
    }
    scene.background.first = {"white", {255, 255, 255}};
    return json_of(scene);
  };
  std::multiset<std::string> known;
  for (const auto& item : before) known.insert(text_of(item));
  int64_t count = 0;
  for (const auto& item : items) {
    const auto found = known.find(text_of(item));
    if (found == known.end()) {
      ++count;
    } else {
      known.erase(found);
    }
  }
  return count;
}

TEST(Edits, KindsHaveNames) {
  std::set<std::string> names;
  for (int i = 0; i < kEditKindCount; ++i) {
    const auto kind = static_cast<EditKind>(i);
    EXPECT_EQ(edit_kind_of(edit_kind_name(kind)), kind);
    names.insert(std::string(edit_kind_name(kind)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kEditKindCount));
  EXPECT_FALSE(edit_kind_of("paint").has_value());
}

/// What each kind changes: new texts and pictograms of the target, and removed ones.
struct Change {
  EditKind kind;
  int64_t new_texts, removed_texts, new_pictograms, removed_pictograms;
};

TEST(Edits, ChangeWhatTheirKindSaysAndNothingElse) {
  for (const auto& change : {Change{EditKind::kChangeBackground, 0, 0, 0, 0},
                             Change{EditKind::kChangeText, 1, 1, 0, 0},
                             Change{EditKind::kChangePictogram, 0, 0, 1, 1},
                             Change{EditKind::kAddText, 1, 0, 0, 0},
                             Change{EditKind::kAddPictogram, 0, 0, 1, 0},
                             Change{EditKind::kRemoveText, 0, 1, 0, 0},
                             Change{EditKind::kRemovePictogram, 0, 0, 0, 1},
                             Change{EditKind::kCombine, 1, 1, 0, 0}}) {
    for_each_edit(change.kind, [&](const Edit& edit, Split) {
      const auto& before = edit.references.front();
      const auto& after = edit.target;
      EXPECT_EQ(edit.references.size(), change.kind == EditKind::kCombine ? 2U : 1U);
      EXPECT_EQ(new_items(after.texts, before.texts), change.new_texts);
      EXPECT_EQ(new_items(before.texts, after.texts), change.removed_texts);
      EXPECT_EQ(new_items(after.pictograms, before.pictograms), change.new_pictograms);
      EXPECT_EQ(new_items(before.pictograms, after.pictograms), change.removed_pictograms);
      const bool same_ground =
          after.background.first.id == before.background.first.id &&
          after.background.second.has_value() == before.background.second.has_value();
      EXPECT_EQ(same_ground, change.kind != EditKind::kChangeBackground);
      EXPECT_EQ(edit.gone.texts.size(), static_cast<std::size_t>(change.removed_texts));
      EXPECT_EQ(edit.gone.pictograms.size(), static_cast<std::size_t>(change.removed_pictograms));
      const int64_t asked = change.new_texts + change.new_pictograms +
                            (change.kind == EditKind::kChangeBackground ? 1 : 0);
      EXPECT_EQ(edit.asked.size(), static_cast<std::size_t>(asked));
    });
  }
}

TEST(Edits, ACombinationHasTheSecondPicturesText) {
  for_each_edit(EditKind::kCombine, [](const Edit& edit, Split) {
    EXPECT_EQ(edit.target.texts[0].text, edit.references[1].texts[0].text);
    EXPECT_EQ(edit.target.texts[0].colour.id, edit.references[1].texts[0].colour.id);
    EXPECT_EQ(edit.target.texts[0].place, edit.references[0].texts[0].place);
    EXPECT_EQ(edit.target.pictograms[0].id, edit.references[0].pictograms[0].id);
  });
}

// The smart rules tell the DiT which texts to spell.
TEST(Edits, InstructionsQuoteTheTextsToDraw) {
  for (int i = 0; i < kEditKindCount; ++i) {
    const auto kind = static_cast<EditKind>(i);
    const bool draws_text = kind == EditKind::kChangeText || kind == EditKind::kAddText;
    for_each_edit(kind, [&](const Edit& edit, Split) {
      std::vector<std::string> texts;
      for (std::size_t item = 0; draws_text && item < edit.target.texts.size(); ++item) {
        if (edit.asked.count(concat("texts[", item, "]")) == 0) continue;
        texts.push_back(edit.target.texts[item].text);
      }
      EXPECT_EQ(text::glyph_texts(edit.instruction, text::GlyphRules::kSmart), texts);
    });
  }
}

TEST(Edits, PicturesFitAndBelongToTheirSplit) {
  for (int i = 0; i < kEditKindCount; ++i) {
    for_each_edit(static_cast<EditKind>(i), [](const Edit& edit, Split split) {
      std::vector<Scene> scenes = edit.references;
      scenes.push_back(edit.target);
      for (const auto& scene : scenes) {
        poster_source().check(scene);
        std::vector<Place> texts, pictograms;
        for (const auto& item : scene.texts) {
          texts.push_back(item.place);
          EXPECT_EQ(split_of_text(item.text), split) << item.text;
        }
        for (const auto& item : scene.pictograms) {
          pictograms.push_back(item.place);
          EXPECT_TRUE(pairs_belong(scene.background, item.id, split));
        }
        EXPECT_TRUE(layout_belongs(texts, pictograms, split));
      }
    });
  }
}

TEST(Edits, DependOnSeedIndexAndSplitAlone) {
  std::set<std::string> different;
  std::set<EditKind> kinds;
  for (uint64_t i = 0; i < 60; ++i) {
    const auto edit = make_edit(poster_source(), /*seed=*/4, i, Split::kTraining);
    const auto again = make_edit(poster_source(), /*seed=*/4, i, Split::kTraining);
    EXPECT_EQ(json_of(again.target), json_of(edit.target));
    EXPECT_EQ(again.instruction, edit.instruction);
    kinds.insert(edit.kind);
    different.insert(json_of(edit.target));
    const auto other = make_edit(poster_source(), /*seed=*/5, i, Split::kTraining);
    different.insert(json_of(other.target));
  }
  EXPECT_EQ(kinds.size(), static_cast<std::size_t>(kEditKindCount));
  EXPECT_EQ(different.size(), 120U);
}

TEST(Edits, ASuiteSurvivesItsFile) {
  const auto suite = make_edit_suite(poster_source(), "edits", /*seed=*/9, /*per_kind=*/2);
  EXPECT_EQ(suite.prompts.size(), 2U * kEditKindCount);
  test::TemporaryDirectory folder;
  const auto file = folder.path() / "edits.json";
  test::write_file(file, suite.to_json().dump());
  EXPECT_TRUE(EditSuite::is_one(file));
  EXPECT_EQ(EditSuite::load(file).to_json(), suite.to_json());
  EXPECT_FALSE(EditSuite::is_one(test::poster_folder().parent_path() / "suites" / "posters.json"));

  auto json = suite.to_json();
  json["edits"][0]["kind"] = "paint";
  test::write_file(file, json.dump());
  test::expect_error(
      ErrorCode::kCorruptFile, {"edits.json", "kind"}, [&] { EditSuite::load(file); });
}

}  // namespace
}  // namespace glm_image::posters
