#include "evaluate/evaluation.h"

#include <map>

#include "core/error.h"
#include "evaluate/drawn_pictures.h"
#include "evaluate/shared_suite.h"
#include "image/codec.h"

namespace glm_image::evaluate {
namespace {

namespace fs = std::filesystem;

class EvaluationTest : public testing::Test {
 protected:
  fs::path pictures() const { return folder_.path() / "pictures"; }
  EvaluationOptions options(std::optional<int> tier, int64_t count) const {
    return {tier, count, folder_.path() / "report"};
  }
  std::vector<ScoredPrompt> evaluate_folder(const EvaluationOptions& options) const {
    return evaluate(
        test::poster_suite(), test::poster_source(), pictures_in(pictures()), options, {});
  }
  void write_truths(int tier, std::size_t count) {
    fs::create_directories(pictures());
    for (const auto& prompt : test::poster_suite().prompts) {
      if (prompt.tier != tier || count == 0) continue;
      --count;
      image::write_image(pictures() / (prompt.id + ".png"), test::truth_of(prompt));
    }
  }

  test::TemporaryDirectory folder_;
};

TEST_F(EvaluationTest, GroundTruthPicturesReachTheMaximum) {
  write_truths(/*tier=*/3, 2);
  const auto scored = evaluate_folder(options(3, 2));
  ASSERT_EQ(scored.size(), 2U);
  for (const auto& entry : scored) {
    EXPECT_EQ(entry.picture.similarities, entry.truth.similarities);
    ASSERT_EQ(entry.picture.judgements.size(), entry.truth.judgements.size());
    for (std::size_t i = 0; i < entry.truth.judgements.size(); ++i) {
      EXPECT_EQ(entry.picture.judgements[i].found, entry.truth.judgements[i].found);
    }
  }
  const auto sheet = image::read_image(folder_.path() / "report" / "sheet-3.png");
  EXPECT_EQ(sheet.width, 2 * 256 + 3 * 4);
  EXPECT_EQ(sheet.height, 2 * 256 + 3 * 4);
}

TEST_F(EvaluationTest, ReportCountsTheJudgements) {
  const auto scored =
      evaluate(test::poster_suite(), test::poster_source(), {}, options(std::nullopt, 1), {});
  ASSERT_EQ(scored.size(), 3U);
  const auto report = report_json("posters", {{"truth", true}}, scored);
  ASSERT_EQ(report.at("tiers").size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& tier = report.at("tiers")[i];
    EXPECT_EQ(tier.at("tier"), i + 1);
    EXPECT_EQ(tier.at("prompts"), 1);
    EXPECT_EQ(tier.at("picture"), tier.at("truth"));
    int64_t words = 0;
    for (const auto& judgement : report.at("prompts")[i].at("judgements")) {
      words +=
          judgement.at("measure") == "words read" || judgement.at("measure") == "words compared";
    }
    EXPECT_EQ(tier.at("picture").at("words").at("total"), words);
    EXPECT_EQ(report.at("prompts")[i].at("similarities").size(), static_cast<std::size_t>(words));
    const auto& share = tier.at("picture").at("words");
    EXPECT_LE(share.at("interval")[0], share.at("share"));
    EXPECT_GE(share.at("interval")[1], share.at("share"));
  }
  const auto table = report_table(scored);
  for (const char* line :
       {"tier 1", "tier 3", "words read", "pictograms", "whole pictures", "similarity"}) {
    EXPECT_NE(table.find(line), std::string::npos) << line;
  }
}

TEST_F(EvaluationTest, ReportCountsTheWordsOfEachLanguage) {
  posters::Suite suite;
  suite.name = "languages";
  suite.prompts = {test::suite_prompt("2-001"), test::suite_prompt("2-002")};
  suite.prompts[0].scene.texts[0].language = "moore";
  suite.prompts[0].scene.texts[1].language = "french";
  suite.prompts[1].scene.texts[0].language = "moore";
  suite.prompts[1].scene.texts[1].language.clear();
  const auto scored = evaluate(suite, test::poster_source(), {}, options(std::nullopt, 2), {});
  const auto report = report_json("languages", {{"truth", true}}, scored);
  std::map<std::string, int64_t> expected;
  for (const auto& entry : scored) {
    for (const auto& judgement : entry.picture.judgements) {
      if (judgement.measure != Measure::kWordRead && judgement.measure != Measure::kWordCompared) {
        continue;
      }
      const auto index = static_cast<std::size_t>(judgement.item.at(6) - '0');  // "texts[0]"
      ++expected[entry.prompt.scene.texts.at(index).language];
    }
  }
  ASSERT_EQ(report.at("languages").size(), 2U);
  for (const auto& entry : report.at("languages")) {
    const auto language = entry.at("language").get<std::string>();
    EXPECT_EQ(entry.at("words").at("total"), expected.at(language)) << language;
    EXPECT_EQ(entry.at("words"), entry.at("truth"));
  }
  EXPECT_NE(report_table(scored).find("words by language"), std::string::npos);
}

TEST_F(EvaluationTest, RefusesFoldersThatLackAPictureOrHaveAnotherSize) {
  write_truths(/*tier=*/1, 1);
  test::expect_error(ErrorCode::kNotFound, {"1-002.png"}, [&] { evaluate_folder(options(1, 2)); });
  image::write_image(pictures() / "1-001.png", Image{32, 32, std::vector<uint8_t>(3 * 32 * 32)});
  test::expect_error(
      ErrorCode::kInvalidInput, {"1-001", "32×32"}, [&] { evaluate_folder(options(1, 1)); });
  test::write_file(pictures() / "1-001.png", "no picture");
  EXPECT_THROW(evaluate_folder(options(1, 1)), Error);
}

TEST_F(EvaluationTest, StopsOnRequest) {
  EvaluationCallbacks callbacks;
  int64_t seen = 0;
  callbacks.progress = [&](int64_t done, int64_t total) {
    seen = done;
    EXPECT_EQ(total, 5);
  };
  callbacks.should_stop = [&] { return seen == 1; };
  test::expect_error(ErrorCode::kCancelled, {}, [&] {
    evaluate(test::poster_suite(), test::poster_source(), {}, options(1, 5), callbacks);
  });
  EXPECT_EQ(seen, 1);
}

TEST_F(EvaluationTest, AReportFolderThatIsAFileIsRefused) {
  test::write_file(folder_.path() / "report", "");
  test::expect_error(ErrorCode::kOutput, {"report"}, [&] {
    evaluate(test::poster_suite(), test::poster_source(), {}, options(1, 1), {});
  });
}

class DrawnPicturesTest : public testing::Test {
 protected:
  DrawnPicturesTest() : pipeline_(Pipeline::load(copied_model())) {
    prompt_.id = "1-007";
    prompt_.width = prompt_.height = 64;
    prompt_.caption.text = "Une affiche jaune avec le mot « nii »";
  }
  fs::path copied_model() const {
    const auto model = folder_.path() / "model";
    fs::copy(test::data_dir() / "tiny" / "model", model, fs::copy_options::recursive);
    return model;
  }
  DrawnPictures drawn(int64_t steps) {
    DrawingSettings settings;
    settings.request.steps = steps;
    return DrawnPictures(pipeline_, "posters", settings, folder_.path() / "drawn");
  }

  test::TemporaryDirectory folder_;
  Pipeline pipeline_;
  posters::SuitePrompt prompt_;
};

TEST_F(DrawnPicturesTest, ExistingPicturesAreReused) {
  const auto first = drawn(1).picture(prompt_, 6, {});
  EXPECT_EQ(first.width, 64);
  const auto file = folder_.path() / "drawn" / "1-007.png";
  EXPECT_EQ(image::read_image(file).pixels, first.pixels);
  const Image black{64, 64, std::vector<uint8_t>(3 * 64 * 64)};
  image::write_image(file, black);
  EXPECT_EQ(drawn(1).picture(prompt_, 6, {}).pixels, black.pixels);
  fs::remove(file);
  EXPECT_EQ(drawn(1).picture(prompt_, 6, {}).pixels, first.pixels);
}

TEST_F(DrawnPicturesTest, RefusesAFolderOfOtherSettings) {
  drawn(1);
  test::expect_error(
      ErrorCode::kInvalidInput, {"pictures.json", "steps 1, not 2", "-o"}, [&] { drawn(2); });
  test::write_file(folder_.path() / "drawn" / "pictures.json", "[");
  test::expect_error(ErrorCode::kCorruptFile, {"pictures.json"}, [&] { drawn(1); });
}

TEST_F(DrawnPicturesTest, RefusesAFolderOfAnotherModelButNotOfAnotherCard) {
  drawn(1);
  test::write_file(folder_.path() / "model" / "model_card.md", "# Nano");
  EXPECT_NO_THROW(drawn(1));
  test::write_file(folder_.path() / "model" / "more.json", "{}");
  test::expect_error(ErrorCode::kInvalidInput, {"model_files"}, [&] { drawn(1); });
}

TEST_F(DrawnPicturesTest, StopsInTheMiddleAndLeavesNoPicture) {
  test::expect_error(ErrorCode::kCancelled, {}, [&] {
    drawn(1).picture(prompt_, 0, [](const Progress&) { return false; });
  });
  EXPECT_FALSE(fs::exists(folder_.path() / "drawn" / "1-007.png"));
}

}  // namespace
}  // namespace glm_image::evaluate
