// What the queue tells of the time that is left, with a stub for the pipeline.

#include <thread>

#include "server/job_queue.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using namespace std::chrono_literals;

Request estimated_request(const std::string& prompt) {
  Request request;
  request.prompt = prompt;
  request.width = request.height = 64;
  return request;
}

/// Stops at its first step until it is told to move on, and then until it is told to end.
class HaltingDrawing {
 public:
  static constexpr int64_t kMove = 100, kSteps = 1000;

  Draw draw() {
    return [this](const Request&, const ProgressCallback& progress, const PreviewCallback&) {
      const auto report = [&](int64_t step) { progress({Stage::kDenoising, step, kSteps, 0}); };
      report(0);
      report(1);
      halts = true;
      wait_until([this] { return moves || ends; });
      if (moves) report(1 + kMove);
      wait_until([this] { return ends.load(); });
      Result result;
      result.stages = {
          {Stage::kImageTokens, 1, 0}, {Stage::kDenoising, 2, 0}, {Stage::kDecoding, 1, 0}};
      return result;
    };
  }
  std::atomic<bool> halts{false}, moves{false}, ends{false};
};

// However long a machine stands still: the times that are measured here lie around those of the
// queue.
TEST(QueueWithRates, EstimatesTheTimeLeftAfterTheFirstPicture) {
  HaltingDrawing drawing;
  const auto queue = JobQueue::start(drawing.draw(), 2);
  const auto first = queue->submit(estimated_request("first"));
  wait_until([&] { return drawing.halts.load(); });
  EXPECT_FALSE(first->status().seconds_left);
  drawing.ends = true;
  wait_until([&] { return first->is_over() && queue->load().running == 0; });

  drawing.halts = drawing.ends = false;
  const auto before_halt = Job::Clock::now();
  const auto job = queue->submit(estimated_request("again"));
  wait_until([&] { return drawing.halts.load(); });
  const auto after_halt = Job::Clock::now();
  std::this_thread::sleep_for(300ms);
  const auto before_move = Job::Clock::now();
  drawing.moves = true;
  wait_until([&] { return job->status().progress.step == 1 + HaltingDrawing::kMove; });
  const auto next = queue->submit(estimated_request("next"));
  const double left = job->status().seconds_left.value();
  const double next_left = next->status().seconds_left.value();
  const double all_left = queue->load().seconds_left.value();
  const auto after_move = Job::Clock::now();

  // The running stage is estimated from its own pace. The first job reported 1 s for the stage
  // after it and as much for the one before, which is over; and 4 s in total.
  const auto seconds = [](Job::Clock::duration time) {
    return std::chrono::duration<double>(time).count();
  };
  constexpr double kMovesLeft =
      static_cast<double>(HaltingDrawing::kSteps - 1) / HaltingDrawing::kMove - 1;
  constexpr double kRounding = 1e-6;
  const double most = seconds(after_move - before_halt) * kMovesLeft + 1 + kRounding;
  const double least = seconds(before_move - after_halt) * kMovesLeft + 1 -
                       seconds(after_move - before_move) - kRounding;
  EXPECT_GE(left, least);
  EXPECT_LE(left, most);
  for (const double both : {next_left, all_left}) {
    EXPECT_GE(both, least + 4);
    EXPECT_LE(both, most + 4);
  }
  drawing.ends = true;
  queue->close(0s);
}

TEST(QueueWithRates, EstimatesAllStagesBeforeTheFirstStep) {
  // An hour: what passes on a machine that stands still is little of it.
  const auto rates = pipeline::DurationEstimate::from_json(
      {{"token", 500}, {"denoised_pixel", 0.1}, {"decoded_pixel", 0.1}, {"rest", 3}});
  std::atomic<bool> ends{false}, began{false};
  const auto queue = JobQueue::start(
      [&](const Request&, const ProgressCallback& progress, const PreviewCallback&) {
        progress({Stage::kReadingWeights, 0, 10, 0});
        began = true;
        while (!ends) std::this_thread::sleep_for(1ms);
        return Result();
      },
      2,
      {},
      rates);
  auto request = estimated_request("x");
  request.steps = 2;
  const double later = rates.seconds(request, Stage::kImageTokens).value() +
                       rates.seconds(request, Stage::kDenoising).value() +
                       rates.seconds(request, Stage::kDecoding).value();
  const auto job = queue->submit(request);
  wait_until([&] { return began.load(); });
  EXPECT_LE(job->status().seconds_left.value(), later + 0.5);
  EXPECT_GT(job->status().seconds_left.value(), later / 2);
  EXPECT_GT(later, 1000);
  ends = true;
  queue->close(0s);
}

TEST(QueueWithRates, JobsBehindAPreparedJobDoNotCountInItsTimeLeft) {
  const auto rates = pipeline::DurationEstimate::from_json(
      {{"token", 500}, {"denoised_pixel", 0.1}, {"decoded_pixel", 0.1}, {"rest", 3}});
  std::atomic<bool> ends{false}, began{false};
  const auto queue = JobQueue::start(
      [&](const Request&, const ProgressCallback& progress, const PreviewCallback&) {
        progress({Stage::kReadingWeights, 0, 10, 0});
        began = true;
        wait_until([&] { return ends.load(); });
        return Result();
      },
      4,
      {},
      rates);
  const auto request = estimated_request("x");
  const double own = rates.seconds(request).value();
  const auto drawn = queue->submit(request);
  wait_until([&] { return began.load(); });
  PrepareNeeds needs;
  needs.waits = true;
  const auto prepared = queue->submit(
      request, [](const Request& asked, const auto&) { return asked; }, {}, needs);
  wait_until([&] { return prepared->status().is_prepared; });
  const double alone = prepared->status().seconds_left.value();
  EXPECT_GT(alone, own);
  const auto behind = queue->submit(request);
  EXPECT_LE(prepared->status().seconds_left.value(), alone);
  EXPECT_GT(behind->status().seconds_left.value(), alone);
  ends = true;
  queue->close(0s);
}

}  // namespace
}  // namespace glm_image::test
