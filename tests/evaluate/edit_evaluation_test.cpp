// Scores edits on known pictures: the true target, the unchanged reference, a damaged target.

#include "evaluate/edit_evaluation.h"

#include "evaluate/shared_suite.h"
#include "nano/posters/poster_data.h"

namespace glm_image::evaluate {
namespace {

using posters::EditKind;
using posters::EditPrompt;
using test::poster_source;

const posters::EditSuite& edit_suite() {
  static const auto suite = posters::make_edit_suite(poster_source(), "edits", 17, 2);
  return suite;
}

Image picture_of_scene(const posters::Scene& scene) {
  static posters::Renderer renderer(poster_source());
  return renderer.render(scene, 256, 256);
}

PictureScorer& edit_scorer() {
  static PictureScorer scorer(poster_source());
  return scorer;
}

// The readers misread a few words of faultless pictures (docs/evaluation.md).
TEST(EditEvaluation, TrueTargetsAreChangedAndStayed) {
  const auto scored =
      evaluate_edits(edit_suite(),
                     poster_source(),
                     {},
                     {std::nullopt, std::nullopt, test::TemporaryDirectory().path()},
                     {});
  ASSERT_EQ(scored.size(), 2U * posters::kEditKindCount);
  int64_t changed = 0, count = 0;
  double stayed = 0;
  for (const auto& entry : scored) {
    changed += entry.picture.changed ? 1 : 0;
    stayed += entry.picture.stayed.sum;
    count += entry.picture.stayed.count;
  }
  EXPECT_GE(changed, 14);
  EXPECT_GT(count, 40);
  EXPECT_GE(stayed, 0.95 * static_cast<double>(count));
}

TEST(EditEvaluation, AnUnchangedPictureIsNotChanged) {
  for (const auto& prompt : edit_suite().prompts) {
    const auto score =
        score_edit(edit_scorer(), prompt, picture_of_scene(prompt.edit.references[0]));
    EXPECT_FALSE(score.changed) << prompt.id << ": " << prompt.edit.instruction;
  }
}

TEST(EditEvaluation, WhatIsLostHasNotStayed) {
  for (const auto& prompt : edit_suite().prompts) {
    if (prompt.edit.kind != EditKind::kChangeBackground) continue;
    posters::Scene bare;
    bare.background = prompt.edit.target.background;
    const auto score = score_edit(edit_scorer(), prompt, picture_of_scene(bare));
    EXPECT_TRUE(score.changed);
    EXPECT_EQ(score.stayed.sum, 0);
    EXPECT_GT(score.stayed.count, 0);
  }
}

// A removed item must be gone, and what replaces it must be there.
TEST(EditEvaluation, AReplacedPictogramMustBeGone) {
  for (const auto& prompt : edit_suite().prompts) {
    if (prompt.edit.kind != EditKind::kRemovePictogram) continue;
    const auto removed = score_edit(edit_scorer(), prompt, picture_of_scene(prompt.edit.target));
    EXPECT_TRUE(removed.changed) << prompt.id;
    ASSERT_FALSE(removed.judgements.empty());
    EXPECT_EQ(removed.judgements.back().item, "gone.pictograms[0]");
    auto with_both = prompt.edit.target;
    with_both.pictograms.push_back(prompt.edit.gone.pictograms[0]);
    EXPECT_FALSE(score_edit(edit_scorer(), prompt, picture_of_scene(with_both)).changed)
        << prompt.id;
  }
}

TEST(EditEvaluation, TheReportSumsByKind) {
  const test::TemporaryDirectory folder;
  const auto references = [](const posters::SuitePrompt&, std::size_t number) {
    return picture_of_scene(edit_suite().prompts[number].edit.references[0]);
  };
  const auto scored = evaluate_edits(
      edit_suite(), poster_source(), references, {std::nullopt, 1, folder.path()}, {});
  ASSERT_EQ(scored.size(), static_cast<std::size_t>(posters::kEditKindCount));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "edits.png"));
  const auto report = edit_report_json("edits", {{"truth", true}}, scored);
  ASSERT_EQ(report.at("kinds").size(), posters::kEditKindCount + 1U);
  const auto& all = report.at("kinds").back();
  EXPECT_EQ(all.at("kind"), "all");
  EXPECT_EQ(all.at("edits"), posters::kEditKindCount);
  EXPECT_EQ(all.at("picture").at("changed").at("right"), 0);
  EXPECT_GT(all.at("picture").at("stayed").at("share"), 0.9);
  const auto table = edit_report_table(scored);
  for (const char* line : {"change_background", "combine", "all"}) {
    EXPECT_NE(table.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace glm_image::evaluate
