#include "cli/progress_display.h"

#include <sstream>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cli::ProgressDisplay;

class Display : public testing::Test {
 protected:
  ProgressDisplay::Now clock() {
    return
        [this] { return ProgressDisplay::Clock::time_point(std::chrono::milliseconds(now_ms_)); };
  }
  static Progress at(int64_t step, Stage stage = Stage::kDenoising, int64_t total = 50) {
    return {stage, step, total, 0};
  }
  int64_t now_ms_ = 1000;
  std::ostringstream out_;
};

TEST_F(Display, LinesComeEveryFewSecondsWithAnEstimate) {
  ProgressDisplay display(out_, /*is_terminal=*/false, clock());
  for (int64_t step = 0; step <= 12; ++step) {
    display.show(at(step));
    now_ms_ += 1000;
  }
  EXPECT_EQ(out_.str(),
            "denoising: 5 of 50, 0:05, about 0:45 left\n"
            "denoising: 10 of 50, 0:10, about 0:40 left\n");
}

TEST_F(Display, TheWaitForTheFirstTokenDoesNotCountForTheOthers) {
  ProgressDisplay display(out_, /*is_terminal=*/false, clock());
  display.show(at(0, Stage::kImageTokens));
  now_ms_ += 300000;
  for (int64_t step = 1; step <= 11; ++step) {
    display.show(at(step, Stage::kImageTokens));
    now_ms_ += 1000;
  }
  EXPECT_EQ(out_.str(),
            "image tokens: 1 of 50, 5:00\n"
            "image tokens: 6 of 50, 5:05, about 0:44 left\n"
            "image tokens: 11 of 50, 5:10, about 0:39 left\n");
}

TEST_F(Display, TheEstimateOfAllStagesFollowsEveryReport) {
  ProgressDisplay display(out_, /*is_terminal=*/false, clock());
  int reports = 0;
  display.set_time_left([&](const Progress&, double elapsed) {
    ++reports;
    return 100 - elapsed;
  });
  for (int64_t step = 0; step <= 6; ++step) {
    display.show(at(step));
    now_ms_ += 1000;
  }
  EXPECT_EQ(reports, 7);
  EXPECT_EQ(out_.str(), "denoising: 5 of 50, 0:05, about 0:45 left, all done in about 1:35\n");
}

TEST_F(Display, AShortStagePrintsNoLine) {
  ProgressDisplay display(out_, /*is_terminal=*/false, clock());
  for (int64_t step = 0; step <= 50; ++step) {
    display.show(at(step));
    now_ms_ += 50;
  }
  EXPECT_EQ(out_.str(), "");
}

TEST_F(Display, ABarIsRedrawnInPlaceAndEndsFull) {
  {
    ProgressDisplay display(out_, /*is_terminal=*/true, clock());
    for (int64_t step = 0; step <= 50; ++step) {
      display.show(at(step));
      now_ms_ += 1000;
    }
    display.show(at(0, Stage::kDecoding, 1));
  }
  const auto text = out_.str();
  EXPECT_NE(text.find("[##############..............] 25 of 50  0:25, 0:25 left"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("50 of 50  0:50"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << "one line a stage";
}

TEST_F(Display, BytesAreShownInLargeUnits) {
  EXPECT_EQ(cli::steps_text(at(1'200'000'000, Stage::kReadingWeights, 18'800'000'000)),
            "1.2 of 18.8 GB");
  EXPECT_EQ(cli::steps_text(at(1'000'000, Stage::kReadingWeights, 2'300'000)), "1.0 of 2.3 MB");
}

TEST_F(Display, PicturesAreShownAsPercent) {
  EXPECT_EQ(cli::steps_text(at(74, Stage::kDecoding, 200)), "37%");
  EXPECT_EQ(cli::steps_text(at(100, Stage::kReadingPictures, 100)), "100%");
}

TEST_F(Display, ClockTexts) {
  EXPECT_EQ(cli::clock_text(7.4), "0:07");
  EXPECT_EQ(cli::clock_text(750), "12:30");
  EXPECT_EQ(cli::clock_text(3723), "1:02:03");
}

}  // namespace
}  // namespace glm_image::test
