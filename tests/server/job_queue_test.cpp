// The queue with a stub for the pipeline. The tests control its speed.

#include "server/job_queue.h"

#include "core/error.h"
#include "server/result_store.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using namespace std::chrono_literals;
using State = JobStatus::State;

/// Reports steps until it is released or stopped.
class SlowDrawing {
 public:
  Draw draw() {
    return [this](const Request& request,
                  const ProgressCallback& progress,
                  const PreviewCallback& preview) {
      ++started;
      if (request.prompt == "fails") fail(ErrorCode::kInternal, "broken");
      for (int64_t step = 0; !released; ++step) {
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

TEST_F(Queue, RefusesJobsBeyondItsCapacity) {
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
    wait_until([&] { return job->is_over(); });
    EXPECT_EQ(job->take_result().spelled_texts.at(0), job->request().prompt);
  }
  EXPECT_FALSE(queue_->is_full());
}

TEST_F(Queue, ACancelledWaitingJobLeavesAtOnce) {
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

TEST_F(Queue, AFailureAffectsOnlyItsJob) {
  const auto broken = queue_->submit(named("fails"));
  wait_until([&] { return broken->is_over(); });
  EXPECT_EQ(broken->status().state, State::kFailed);
  expect_error(ErrorCode::kInternal, {"broken"}, [&] { broken->take_result(); });
  drawing_.released = true;
  const auto next = queue_->submit(named("next"));
  wait_until([&] { return next->is_over(); });
  EXPECT_EQ(next->status().state, State::kDone);
}

TEST_F(Queue, SlowReadersMissTheOldestPreviews) {
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

TEST_F(Queue, ClosingDropsWaitingJobsAndLetsTheRunningOneFinish) {
  const auto first = running();
  const auto second = queue_->submit(named("second"));
  std::thread releaser([&] {
    wait_until([&] { return queue_->is_closed(); });
    drawing_.released = true;
  });
  queue_->close(10min);
  releaser.join();
  EXPECT_EQ(first->status().state, State::kDone);
  EXPECT_EQ(second->status().state, State::kCancelled);
  EXPECT_EQ(queue_->submit(named("late")), nullptr);
}

TEST_F(Queue, ClosingCancelsTheRunningJobAfterTheGracePeriod) {
  const auto first = running();
  const auto began = std::chrono::steady_clock::now();
  queue_->close(50ms);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2min);
  EXPECT_EQ(first->status().state, State::kCancelled);
}

TEST_F(Queue, AJobIsPreparedAtItsTurnUnlessCancelled) {
  running();
  std::atomic<int> prepared{0};
  const auto prepare = [&](const Request& request, const std::function<bool()>& goes_on) {
    ++prepared;
    EXPECT_TRUE(goes_on());
    auto complete = request;
    complete.prompt += " prepared";
    return complete;
  };
  const auto second = queue_->submit(named("second"), prepare);
  const auto third = queue_->submit(named("third"), prepare);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(prepared, 0);
  EXPECT_FALSE(second->status().is_prepared);
  second->cancel();
  drawing_.released = true;
  wait_until([&] { return third->is_over(); });
  EXPECT_EQ(prepared, 1);
  EXPECT_TRUE(third->status().is_prepared);
  EXPECT_EQ(third->request().prompt, "third prepared");
}

TEST_F(Queue, APreparationThatWaitsBeginsWhileAJobIsDrawn) {
  const auto first = running();
  std::atomic<bool> is_asked{false}, is_answered{false};
  PrepareNeeds needs;
  needs.waits = true;
  const auto second = queue_->submit(
      named("second"),
      [&](const Request& request, const std::function<bool()>& goes_on) {
        is_asked = true;
        while (!is_answered && goes_on()) std::this_thread::sleep_for(1ms);
        return request;
      },
      {},
      needs);
  wait_until([&] { return is_asked.load(); });
  EXPECT_EQ(drawing_.started, 1);
  is_answered = true;
  wait_until([&] { return second->status().is_prepared; });
  const auto third = queue_->submit(named("third"));
  EXPECT_EQ(drawing_.started, 1) << "there is one slot";
  first->cancel();
  wait_until([&] { return drawing_.started == 2; });
  EXPECT_EQ(third->status().state, State::kWaiting) << "the prepared job comes first";
  drawing_.released = true;
  wait_until([&] { return second->is_over() && third->is_over(); });
}

TEST_F(Queue, AFailureToPrepareAffectsOnlyItsJob) {
  const auto job = queue_->submit(
      named("first"), [](const Request&, const auto&) -> Request { throw std::bad_alloc(); });
  wait_until([&] { return job->is_over(); });
  EXPECT_EQ(job->status().state, State::kFailed);
  EXPECT_THROW(job->take_result(), std::bad_alloc);
  EXPECT_EQ(drawing_.started, 0);
}

TEST_F(Queue, AListenerIsCalledOnEveryChange) {
  std::atomic<int> changes{0};
  const auto job = queue_->submit(named("first"));
  job->on_change([&] { ++changes; });
  wait_until([&] { return changes > 3; });
  drawing_.released = true;
  wait_until([&] { return job->is_over(); });
}

/// A queue that counts its rests.
struct RestingQueue {
  explicit RestingQueue(std::optional<std::chrono::duration<double>> after) {
    queue = JobQueue::start(drawing.draw(), 2, {}, {}, {[this] { ++rests; }, after});
  }
  ~RestingQueue() { queue->close(0s); }

  SlowDrawing drawing;
  std::atomic<int> rests{0};
  std::shared_ptr<JobQueue> queue;
};

TEST(QueueThatRests, RestsAtOnceWhereNothingIsToBeDrawn) {
  RestingQueue resting(std::nullopt);
  EXPECT_TRUE(resting.queue->rest());
  EXPECT_EQ(resting.rests, 1);
  EXPECT_TRUE(resting.queue->rest());
  EXPECT_EQ(resting.rests, 2);
}

TEST(QueueThatRests, RestsAfterTheLastJob) {
  RestingQueue resting(std::nullopt);
  const auto first = resting.queue->submit(named("first"));
  const auto second = resting.queue->submit(named("second"));
  wait_until([&] { return resting.drawing.started == 1; });
  EXPECT_FALSE(resting.queue->rest());
  EXPECT_EQ(resting.rests, 0);
  first->cancel();
  wait_until([&] { return resting.drawing.started == 2; });
  EXPECT_EQ(resting.rests, 0);
  resting.drawing.released = true;
  wait_until([&] { return resting.rests == 1; });
  EXPECT_TRUE(second->is_over());
}

TEST(QueueThatRests, RestsOnceAfterEachTimeOfWork) {
  RestingQueue resting(50ms);
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(resting.rests, 0);  // there was no work yet
  resting.drawing.released = true;
  for (int round = 1; round <= 2; ++round) {
    const auto job = resting.queue->submit(named("a job"));
    wait_until([&] { return job->is_over(); });
    wait_until([&] { return resting.rests == round; });
    std::this_thread::sleep_for(200ms);
    EXPECT_EQ(resting.rests, round);
  }
}

TEST(QueueThatRests, ClosingDoesNotWaitForARest) {
  RestingQueue resting(1h);
  resting.drawing.released = true;
  const auto job = resting.queue->submit(named("a job"));
  wait_until([&] { return job->is_over(); });
  const auto began = std::chrono::steady_clock::now();
  resting.queue->close(0s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10min);
  EXPECT_EQ(resting.rests, 0);
  EXPECT_FALSE(resting.queue->rest());
}

/// A caller of rest() would else wait for all of a job that comes while a finished one is cleared
/// away.
TEST(QueueThatRests, AskingForARestDoesNotWaitForAJobThatComesFirst) {
  std::atomic<bool> clears_away{false}, stays{true};
  SlowDrawing drawing;
  Slots slots;
  slots.find = [&](const Request&, int64_t) -> Draw {
    const std::shared_ptr<void> place(nullptr, [&](void*) {
      clears_away = true;
      while (stays) std::this_thread::sleep_for(1ms);
    });
    return [draw = drawing.draw(), place](const Request& request,
                                          const ProgressCallback& progress,
                                          const PreviewCallback& preview) {
      return draw(request, progress, preview);
    };
  };
  std::atomic<int> rests{0};
  const auto queue = JobQueue::start(slots, 2, {}, {}, {[&] { ++rests; }, std::nullopt});
  drawing.released = true;
  const auto first = queue->submit(named("first"));
  wait_until([&] { return clears_away.load(); });
  EXPECT_TRUE(first->is_over());
  drawing.released = false;
  std::atomic<bool> was_rested{true}, has_answer{false};
  std::thread asker([&] {
    was_rested = queue->rest();
    has_answer = true;
  });
  std::this_thread::sleep_for(50ms);
  EXPECT_FALSE(has_answer) << "a rest is possible";
  const auto second = queue->submit(named("second"));
  wait_until([&] { return has_answer.load(); });
  EXPECT_FALSE(was_rested);
  EXPECT_FALSE(second->is_over());
  stays = false;
  drawing.released = true;
  asker.join();
  wait_until([&] { return rests == 1; });
  EXPECT_TRUE(second->is_over());
  queue->close(0s);
}

TEST_F(Queue, AResultIsKeptOnTheWayToItsEnd) {
  std::atomic<int> kept{0};
  const auto job = queue_->submit(named("kept"), {}, [&](const Request& request, Result& result) {
    EXPECT_EQ(result.spelled_texts.at(0), request.prompt);
    ++kept;
  });
  const auto broken = queue_->submit(named("not kept"), {}, [](const Request&, Result&) {
    fail(ErrorCode::kOutOfMemory, "full");
  });
  drawing_.released = true;
  wait_until([&] { return job->is_over() && broken->is_over(); });
  EXPECT_EQ(kept, 1);
  EXPECT_EQ(job->status().state, State::kDone);
  EXPECT_EQ(broken->status().state, State::kFailed);
  expect_error(ErrorCode::kOutOfMemory, {"full"}, [&] { broken->take_result(); });
}

TEST(ResultStores, LimitNumberBytesAndAge) {
  const ResultStore::Clock::time_point now;
  ResultStore store({/*max_pictures=*/2, /*max_bytes=*/100, /*age=*/10s});
  const auto keep = [&](const std::string& bytes) {
    return store.keep({std::make_shared<const std::string>(bytes), "image/png"}, now);
  };
  const auto a = keep("aa"), b = keep("bb");
  EXPECT_EQ(a.size(), 32U);
  EXPECT_NE(a, b);
  EXPECT_EQ(*store.find(a, now)->bytes, "aa");
  keep("cc");
  EXPECT_FALSE(store.find(a, now)) << "the oldest of three goes";
  keep(std::string(99, 'd'));
  EXPECT_FALSE(store.find(b, now));
  const auto e = keep("e");
  EXPECT_TRUE(store.find(e, now + 9s));
  EXPECT_FALSE(store.find(e, now + 11s));
  EXPECT_FALSE(store.find("../../etc/passwd", now));
}

}  // namespace
}  // namespace glm_image::test
