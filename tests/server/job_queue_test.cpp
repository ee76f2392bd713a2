// The queue, with a stand-in for the pipeline whose pace the tests set.

#include "server/job_queue.h"

#include "core/error.h"
#include "server/result_store.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using namespace std::chrono_literals;
using State = JobStatus::State;

/// Draws steps until it is released or stopped.
class SlowDrawing {
 public:
  Draw draw() {
    return [this](const Request& request,
                  const ProgressCallback& progress,
                  const PreviewCallback& preview) {
      ++started;
      if (request.prompt == "fails") fail(ErrorCode::kInternal, "broken");
      for (int64_t step = 1; !released; ++step) {
        if (!progress({Stage::kDenoising, step, 1000, 0})) fail(ErrorCode::kCancelled, "stopped");
        for (int64_t look = 0; step == 1 && look < request.previews; ++look) {
          preview({{1, 1, {1, 2, 3}}, 0, look, true});
        }
        std::this_thread::sleep_for(1ms);
      }
      Result result;
      result.spelled_texts = {request.prompt};
      result.stages = {
          {Stage::kImageTokens, 1, 0}, {Stage::kDenoising, 2, 0}, {Stage::kDecoding, 1, 0}};
      return result;
    };
  }
  std::atomic<bool> released{false};
  std::atomic<int> started{0};
};

Request named(const std::string& prompt) {
  Request request;
  request.prompt = prompt;
  request.width = request.height = 64;
  return request;
}

void wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 5000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(condition());
}

class Queue : public testing::Test {
 protected:
  SlowDrawing drawing_;
  std::shared_ptr<JobQueue> queue_ = JobQueue::start(drawing_.draw(), /*max_waiting=*/2);

  std::shared_ptr<Job> running() {
    auto job = queue_->submit(named("first"));
    wait_until([&] { return drawing_.started == 1; });
    return job;
  }
  ~Queue() override { queue_->close(0s); }
};

TEST_F(Queue, HoldsSoManyAndNoMore) {
  const auto first = running();
  const auto second = queue_->submit(named("second")), third = queue_->submit(named("third"));
  ASSERT_TRUE(second && third);
  EXPECT_TRUE(queue_->is_full());
  EXPECT_EQ(queue_->submit(named("fourth")), nullptr);
  EXPECT_EQ(first->status().position, 0);
  EXPECT_EQ(second->status().position, 1);
  EXPECT_EQ(third->status().position, 2);
  EXPECT_EQ(third->status().state, State::kWaiting);
  EXPECT_EQ(first->status().state, State::kRunning);
  drawing_.released = true;
  for (const auto& job : {first, second, third}) {
    while (!job->is_over()) job->wait(10ms);
    EXPECT_EQ(job->take_result().spelled_texts.at(0), job->request().prompt);
  }
  EXPECT_FALSE(queue_->is_full());
}

TEST_F(Queue, AWaitingJobLeavesAtOnceAndMakesRoom) {
  running();
  const auto second = queue_->submit(named("second")), third = queue_->submit(named("third"));
  second->cancel();
  EXPECT_TRUE(second->is_over());
  EXPECT_EQ(second->status().state, State::kCancelled);
  EXPECT_EQ(third->status().position, 1);
  EXPECT_TRUE(queue_->submit(named("fourth")));
  expect_error(ErrorCode::kCancelled, {}, [&] { second->take_result(); });
  EXPECT_EQ(drawing_.started, 1);
}

TEST_F(Queue, ARunningJobStopsAtItsNextStepAndTheNextBegins) {
  const auto first = running();
  const auto second = queue_->submit(named("second"));
  first->cancel();
  wait_until([&] { return first->is_over() && drawing_.started == 2; });
  EXPECT_EQ(first->status().state, State::kCancelled);
  EXPECT_EQ(second->status().state, State::kRunning);
}

TEST_F(Queue, AFailureIsTheJobsOwn) {
  const auto broken = queue_->submit(named("fails"));
  wait_until([&] { return broken->is_over(); });
  EXPECT_EQ(broken->status().state, State::kFailed);
  expect_error(ErrorCode::kInternal, {"broken"}, [&] { broken->take_result(); });
  drawing_.released = true;
  const auto next = queue_->submit(named("next"));
  wait_until([&] { return next->is_over(); });
  EXPECT_EQ(next->status().state, State::kDone);
}

TEST_F(Queue, WhoReadsTooSlowlyMissesTheOldestPreviews) {
  auto request = named("seen");
  request.previews = 40;
  const auto job = queue_->submit(request);
  wait_until([&] { return job->status().progress.step > 2; });
  const auto previews = job->take_previews();
  EXPECT_LT(previews.size(), 40U);
  EXPECT_EQ(previews.back().index, 39);
  EXPECT_EQ(previews.front().index, 40 - static_cast<int64_t>(previews.size()));
}

TEST_F(Queue, PreviewsAndProgressReachTheWaiter) {
  auto request = named("first");
  request.previews = 1;
  const auto job = queue_->submit(request);
  std::deque<Preview> previews;
  wait_until([&] {
    for (auto& preview : job->take_previews()) previews.push_back(std::move(preview));
    return !previews.empty() && job->status().progress.step > 2;
  });
  EXPECT_TRUE(previews.front().is_draft);
  EXPECT_TRUE(job->take_previews().empty());
  EXPECT_EQ(job->status().progress.total, 1000);
}

TEST_F(Queue, EstimatesWhatIsLeftOnceSomethingWasDrawn) {
  EXPECT_FALSE(running()->status().seconds_left);
  drawing_.released = true;
  wait_until([&] { return !queue_->load().running; });
  drawing_.released = false;
  const auto job = queue_->submit(named("again"));
  wait_until([&] { return job->status().state == State::kRunning; });
  // The first one's stages took 4 s, it says.
  EXPECT_NEAR(job->status().seconds_left.value(), 4, 1);
  const auto next = queue_->submit(named("next"));
  EXPECT_NEAR(next->status().seconds_left.value(), 8, 1.5);
  EXPECT_NEAR(queue_->load().seconds_left.value(), 8, 1.5);
}

TEST_F(Queue, ClosingDropsTheWaitingAndGivesTheRunningItsTime) {
  const auto first = running();
  const auto second = queue_->submit(named("second"));
  std::thread releaser([&] {
    std::this_thread::sleep_for(50ms);
    drawing_.released = true;
  });
  queue_->close(5s);
  releaser.join();
  EXPECT_EQ(first->status().state, State::kDone);
  EXPECT_EQ(second->status().state, State::kCancelled);
  EXPECT_EQ(queue_->submit(named("late")), nullptr);
}

TEST_F(Queue, ClosingCancelsTheRunningWhenItsTimeIsUp) {
  const auto first = running();
  const auto began = std::chrono::steady_clock::now();
  queue_->close(50ms);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  EXPECT_EQ(first->status().state, State::kCancelled);
}

TEST(ResultStores, AreBoundedByNumberBytesAndAge) {
  const ResultStore::Clock::time_point now;
  ResultStore store({/*max_pictures=*/2, /*max_bytes=*/100, /*age=*/10s});
  const auto a = store.keep({"aa", "image/png"}, now), b = store.keep({"bb", "image/png"}, now);
  EXPECT_EQ(a.size(), 32U);
  EXPECT_NE(a, b);
  EXPECT_EQ(store.find(a, now)->bytes, "aa");
  store.keep({"cc", "image/png"}, now);
  EXPECT_FALSE(store.find(a, now)) << "the oldest of three goes";
  store.keep({std::string(99, 'd'), "image/png"}, now);
  EXPECT_FALSE(store.find(b, now));
  const auto e = store.keep({"e", "image/png"}, now);
  EXPECT_TRUE(store.find(e, now + 9s));
  EXPECT_FALSE(store.find(e, now + 11s));
  EXPECT_FALSE(store.find("../../etc/passwd", now));
}

}  // namespace
}  // namespace glm_image::test
