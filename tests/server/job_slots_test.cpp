// A queue with several slots: jobs that run at the same time.

#include "server/queue_with_slots.h"

namespace glm_image::test {
namespace {

using State = JobStatus::State;

TEST_F(QueueWithSlots, JobsRunAtTheSameTime) {
  start(2);
  const auto first = submit("first"), second = submit("second"), third = submit("third");
  wait_for_step(first);
  wait_for_step(second);
  EXPECT_EQ(queue_->load().running, 2);
  EXPECT_EQ(queue_->load().waiting, 1);
  EXPECT_EQ(third->status().state, State::kWaiting);
  EXPECT_EQ(third->status().position, 2);
  room_.release("second");
  wait_for_step(third);
  EXPECT_EQ(second->take_result().spelled_texts.at(0), "second");
  EXPECT_EQ(first->status().state, State::kRunning);
  room_.release("first");
  room_.release("third");
  wait_until([&] { return first->is_over() && third->is_over(); });
  EXPECT_EQ(first->take_result().spelled_texts.at(0), "first");
  EXPECT_EQ(third->take_result().spelled_texts.at(0), "third");
  EXPECT_EQ(room_.most_at_work, 2);
}

TEST_F(QueueWithSlots, AJobIsCancelledWithoutTheOthers) {
  start(2);
  const auto first = submit("first"), second = submit("second");
  wait_for_step(first);
  wait_for_step(second);
  second->cancel();
  wait_until([&] { return second->is_over(); });
  EXPECT_EQ(second->status().state, State::kCancelled);
  EXPECT_EQ(first->status().state, State::kRunning);
  room_.release("first");
  wait_until([&] { return first->is_over(); });
  EXPECT_EQ(first->status().state, State::kDone);
}

TEST_F(QueueWithSlots, AJobFailsWithoutTheOthers) {
  start(2);
  const auto first = submit("first"), broken = submit("fails");
  wait_until([&] { return broken->is_over(); });
  expect_error(ErrorCode::kInternal, {"broken"}, [&] { broken->take_result(); });
  room_.release("first");
  wait_until([&] { return first->is_over(); });
  EXPECT_EQ(first->status().state, State::kDone);
}

TEST_F(QueueWithSlots, JobsWaitForRoomInTheirOrder) {
  start(3);
  room_.set_free(0);
  const auto first = submit("first");
  wait_until([&] { return !room_.asked().empty(); });
  // The queue takes the first job as one that waits while there is no room for it.
  EXPECT_EQ(first->status().state, State::kWaiting);
  const auto second = submit("second"), third = submit("third");
  room_.set_free(1);
  wait_for_step(first);
  EXPECT_EQ(second->status().state, State::kWaiting);
  EXPECT_EQ(room_.free(), 0);
  room_.release("first");
  wait_for_step(second);
  EXPECT_EQ(third->status().state, State::kWaiting);
  for (const auto* prompt : {"second", "third"}) room_.release(prompt);
  wait_until([&] { return third->is_over(); });
  wait_until([&] { return room_.free() == 1; });
  EXPECT_EQ(room_.most_at_work, 1);
  // All three were open when the first got its room.
  for (const auto& [prompt, open] : room_.asked()) {
    if (prompt == "first") continue;
    EXPECT_EQ(open, prompt == "second" ? 2 : 1);
  }
}

TEST_F(QueueWithSlots, AJobIsCancelledWhileThereIsNoRoom) {
  start(2);
  room_.set_free(0);
  const auto first = submit("first");
  wait_until([&] { return !room_.asked().empty(); });
  first->cancel();
  EXPECT_TRUE(first->is_over());
  room_.set_free(1);
  const auto second = submit("second");
  wait_for_step(second);
  second->cancel();
  wait_until([&] { return second->is_over(); });
}

TEST_F(QueueWithSlots, JobsWithRoomNeedNoPlaceToWait) {
  room_.set_free(2);
  start(3, {}, /*max_waiting=*/0);
  const auto first = submit("first"), second = submit("second");
  ASSERT_TRUE(first && second);
  wait_for_step(first);
  wait_for_step(second);
  EXPECT_TRUE(queue_->is_full());
  EXPECT_FALSE(submit("third")) << "there is a worker, but no room";
  room_.set_free(1);
  EXPECT_FALSE(queue_->is_full());
  const auto third = submit("third");
  ASSERT_TRUE(third);
  wait_for_step(third);
  room_.set_free(1);
  EXPECT_FALSE(submit("fourth")) << "there is room, but no worker";
  queue_->close(0s);
}

TEST_F(QueueWithSlots, JobsBehindOneWithoutRoomNeedAPlace) {
  room_.set_free(0);
  start(3, {}, /*max_waiting=*/1);
  const auto first = submit("first");
  wait_until([&] { return !room_.asked().empty(); });
  EXPECT_TRUE(submit("second"));
  EXPECT_FALSE(submit("third"));
  queue_->close(0s);
}

/// Jobs that get no worker now do not lessen the share of those that do.
TEST_F(QueueWithSlots, AShareIsThatOfJobsThatCanBegin) {
  room_.set_free(0);
  start(2);
  const auto first = submit("first");
  wait_until([&] { return !room_.asked().empty(); });
  for (const auto* prompt : {"second", "third", "fourth"}) ASSERT_TRUE(submit(prompt));
  const auto before = room_.asked().size();
  wait_until([&] { return room_.asked().size() > before + 1; });
  EXPECT_EQ(room_.asked().back(), std::make_pair(std::string("first"), int64_t{2}));
  queue_->close(0s);
}

TEST_F(QueueWithSlots, ClosingEndsAllRunningJobs) {
  start(3);
  const auto first = submit("first"), second = submit("second");
  wait_for_step(first);
  wait_for_step(second);
  queue_->close(50ms);
  EXPECT_EQ(first->status().state, State::kCancelled);
  EXPECT_EQ(second->status().state, State::kCancelled);
}

TEST_F(QueueWithSlots, ClosingEndsAJobWithoutRoom) {
  start(3);
  room_.set_free(0);
  const auto first = submit("first");
  wait_until([&] { return !room_.asked().empty(); });
  queue_->close(0s);
  EXPECT_EQ(first->status().state, State::kCancelled);
}

TEST_F(QueueWithSlots, RestsWhenNoJobRuns) {
  std::atomic<int> rests{0}, running{-1};
  start(2,
        {[&] {
           running = static_cast<int>(queue_->load().running);
           ++rests;
         },
         50ms});
  const auto first = submit("first"), second = submit("second");
  wait_for_step(first);
  wait_for_step(second);
  room_.release("first");
  wait_until([&] { return first->is_over(); });
  EXPECT_FALSE(queue_->rest());
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(rests, 0);
  room_.release("second");
  wait_until([&] { return rests == 1; });
  EXPECT_EQ(running, 0);
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(rests, 1);
}

TEST_F(QueueWithSlots, TheTimeToARestBeginsWithTheLastJob) {
  std::atomic<int> rests{0};
  start(2, {[&] { ++rests; }, 2s});
  for (int i = 0; i < 4; ++i) {
    const auto began = Job::Clock::now();
    room_.release(std::to_string(i));
    const auto job = submit(std::to_string(i));
    wait_until([&] { return job->is_over(); });
    const int before = rests;  // there is none while a job runs
    std::this_thread::sleep_for(800ms);
    const int after = rests;
    // On a machine that stands still it may be time for a rest.
    if (Job::Clock::now() - began < 2s) {
      EXPECT_EQ(after, before) << i;
    }
  }
  wait_until([&] { return rests > 0; });
}

TEST_F(QueueWithSlots, RestsAfterAJobThatWasCancelledWhileItWasPrepared) {
  std::atomic<int> rests{0};
  start(1, {[&] { ++rests; }, 50ms});
  const auto job = submit_waiting("job");
  wait_until([&] { return asks().size() == 1; });
  job->cancel();
  wait_until([&] { return rests == 1; });
}

}  // namespace
}  // namespace glm_image::test
