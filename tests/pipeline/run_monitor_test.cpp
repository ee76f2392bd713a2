#include "pipeline/run_monitor.h"

#include <chrono>
#include <thread>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

using pipeline::RunMonitor;

/// Longer than the interval between two reports.
void wait_for_a_report() {
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
}

TEST(RunMonitor, TurnsWorkIntoSteps) {
  using Clock = std::chrono::steady_clock;
  std::vector<int64_t> steps;
  Clock::time_point reported;
  RunMonitor monitor([&](const Progress& progress) {
    EXPECT_EQ(progress.total, 200);
    steps.push_back(progress.step);
    reported = Clock::now();
    return true;
  });
  monitor.begin(Stage::kDecoding, 200);
  for (int64_t picture = 0; picture < 2; ++picture) {
    monitor.expect_work(1000, 100);
    const auto previous = reported;
    report_work(1);  // too soon after the previous report
    if (Clock::now() - previous > std::chrono::milliseconds(80)) {
      GTEST_SKIP() << "the machine let too much time pass for a report that is too soon";
    }
    wait_for_a_report();
    report_work(249);
    wait_for_a_report();
    report_work(800);  // more than expected
    monitor.step(100 * (picture + 1));
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{0, 25, 99, 100, 125, 199, 200}));
}

TEST(RunMonitor, CancelsInTheMiddleOfAStep) {
  int calls = 0;
  RunMonitor monitor([&](const Progress&) { return ++calls < 3; });
  monitor.begin(Stage::kDenoising, 4);
  wait_for_a_report();
  report_work();
  wait_for_a_report();
  expect_error(ErrorCode::kCancelled, {}, [] { report_work(); });
  EXPECT_EQ(calls, 3);
}

TEST(RunMonitor, ANestedStageHasItsOwnWork) {
  std::vector<Progress> reports;
  RunMonitor monitor([&](const Progress& progress) {
    reports.push_back(progress);
    return true;
  });
  monitor.begin(Stage::kDenoising, 50);
  monitor.step(7);
  monitor.nested_stage(Stage::kPreviewing, [](RunMonitor& quiet) {
    quiet.begin(Stage::kDecoding, 100);
    quiet.expect_work(10, 100);
    wait_for_a_report();
    report_work(5);
  });
  wait_for_a_report();
  report_work(5);
  EXPECT_EQ(reports.back().stage, Stage::kDenoising);
  EXPECT_EQ(reports.back().step, 7);
  for (const auto& report : reports) EXPECT_NE(report.stage, Stage::kDecoding);
}

}  // namespace
}  // namespace glm_image::test
