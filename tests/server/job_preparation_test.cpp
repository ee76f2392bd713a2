// Jobs that are prepared before they have a slot, and the memory of what preparations add.

#include "server/queue_with_slots.h"

namespace glm_image::test {
namespace {

using State = JobStatus::State;

TEST_F(QueueWithSlots, AJobWhosePreparationWaitsHoldsNoRoom) {
  room_.set_free(1);
  start(3);
  const auto first = submit_waiting("first");
  wait_until([&] { return asks().size() == 1; });
  EXPECT_EQ(room_.free(), 1);
  EXPECT_EQ(first->status().state, State::kRunning);
  EXPECT_FALSE(first->status().is_prepared);
  // A job behind it may begin.
  const auto second = submit("second");
  wait_for_step(second);
  const auto third = submit("third");
  answer("first");
  wait_until([&] { return first->status().is_prepared; });
  EXPECT_EQ(first->status().progress.step, 0);
  EXPECT_EQ(third->status().state, State::kWaiting);
  // Once it is prepared, it comes before those behind it.
  room_.release("second");
  wait_for_step(first);
  EXPECT_EQ(third->status().state, State::kWaiting);
  room_.release("first");
  wait_for_step(third);
  EXPECT_EQ(first->take_result().spelled_texts.at(0), "first");
  room_.release("third");
  wait_until([&] { return third->is_over(); });
  EXPECT_EQ(room_.most_at_work, 1);
}

TEST_F(QueueWithSlots, ASingleSlotDrawsWhileAPreparationWaits) {
  room_.set_free(1);
  start(1);
  const auto first = submit_waiting("first");
  wait_until([&] { return asks().size() == 1; });
  const auto second = submit("second");
  wait_for_step(second);
  answer("first");
  wait_until([&] { return first->status().is_prepared; });
  EXPECT_EQ(first->status().progress.step, 0);
  room_.release("second");
  wait_for_step(first);
  EXPECT_EQ(room_.most_at_work, 1);
}

TEST_F(QueueWithSlots, AJobThatIsBeingPreparedTakesNoPlaceFromOneThatCanBeDrawn) {
  room_.set_free(1);
  start(1, {}, /*max_waiting=*/0);
  const auto first = submit_waiting("first");
  ASSERT_TRUE(first);
  wait_until([&] { return asks().size() == 1; });
  EXPECT_FALSE(submit_waiting("another")) << "its preparation could not begin";
  EXPECT_FALSE(queue_->is_full());
  const auto second = submit("second");
  ASSERT_TRUE(second);
  wait_for_step(second);
  EXPECT_FALSE(submit("third")) << "there is no slot";
  EXPECT_TRUE(queue_->is_full());
  answer("first");
  wait_until([&] { return first->status().is_prepared; });
  room_.release("second");
  wait_for_step(first);
  EXPECT_TRUE(queue_->is_full());
}

TEST_F(QueueWithSlots, APreparedJobComesBeforeOneThatCouldBeDrawn) {
  room_.set_free(2);
  start(2, {}, /*max_waiting=*/0);
  const auto first = submit_waiting("first"), second = submit("second");
  ASSERT_TRUE(first && second);
  wait_until([&] { return asks().size() == 1; });
  wait_for_step(second);
  room_.set_free(0);
  answer("first");
  wait_until([&] { return first->status().is_prepared; });
  EXPECT_FALSE(submit("third"));
  room_.set_free(1);
  wait_for_step(first);
  EXPECT_FALSE(submit("third"));
}

TEST_F(QueueWithSlots, ClosingDrawsAJobThatIsBeingPrepared) {
  room_.set_free(1);
  start(1);
  const auto first = submit_waiting("first");
  wait_until([&] { return asks().size() == 1; });
  room_.release("first");
  std::thread answerer([&] {
    wait_until([&] { return queue_->is_closed(); });
    answer("first");
  });
  queue_->close(10min);
  answerer.join();
  EXPECT_EQ(first->status().state, State::kDone);
}

TEST_F(QueueWithSlots, PreparedJobsKeepTheirOrder) {
  room_.set_free(2);
  start(2);
  const auto first = submit_waiting("first"), second = submit_waiting("second");
  wait_until([&] { return asks().size() == 2; });
  room_.set_free(0);
  answer("second");
  wait_until([&] { return second->status().is_prepared; });
  answer("first");
  wait_until([&] { return first->status().is_prepared; });
  room_.set_free(1);
  wait_for_step(first);
  EXPECT_EQ(second->status().progress.step, 0);
  room_.release("first");
  wait_for_step(second);
}

TEST_F(QueueWithSlots, PreparationsBeginInOrderAsFarAsThereIsRoom) {
  room_.set_free(1);
  start(3);
  const auto first = submit_waiting("first"), second = submit_waiting("second");
  wait_until([&] { return asks().size() == 1; });
  const auto third = submit("third");
  wait_for_step(third);
  EXPECT_EQ(asks().front(), "first");
  EXPECT_EQ(second->status().state, State::kWaiting);
  answer("first");
  room_.release("third");
  wait_for_step(first);
  EXPECT_EQ(asks().size(), 1U) << "there is no room for the second";
  room_.set_free(1);
  wait_until([&] { return asks().size() == 2; });
  answer("second");
  wait_for_step(second);
}

TEST_F(QueueWithSlots, AJobIsCancelledAroundItsPreparation) {
  room_.set_free(2);
  start(2);
  const auto preparing = submit_waiting("preparing"), prepared = submit_waiting("prepared");
  wait_until([&] { return asks().size() == 2; });
  room_.set_free(0);
  answer("prepared");
  wait_until([&] { return prepared->status().is_prepared; });
  prepared->cancel();
  EXPECT_TRUE(prepared->is_over());
  EXPECT_EQ(queue_->load().running, 1);
  preparing->cancel();
  wait_until([&] { return preparing->is_over(); });
  expect_error(ErrorCode::kCancelled, {}, [&] { preparing->take_result(); });
  expect_error(ErrorCode::kCancelled, {}, [&] { prepared->take_result(); });
  // Both workers are free again.
  room_.set_free(2);
  const auto first = submit("first"), second = submit("second");
  wait_for_step(first);
  wait_for_step(second);
}

TEST_F(QueueWithSlots, AFailedPreparationEndsItsJobAlone) {
  start(2);
  PrepareNeeds needs;
  needs.waits = true;
  const auto broken = queue_->submit(
      slot_request("broken"),
      [](const Request&, const auto&) -> Request { fail(ErrorCode::kInvalidInput, "no"); },
      {},
      needs);
  wait_until([&] { return broken->is_over(); });
  expect_error(ErrorCode::kInvalidInput, {"no"}, [&] { broken->take_result(); });
  const auto next = submit("next");
  wait_for_step(next);
}

TEST_F(QueueWithSlots, ClosingEndsJobsThatArePreparedWithoutRoom) {
  room_.set_free(2);
  start(2);
  const auto preparing = submit_waiting("preparing"), prepared = submit_waiting("prepared");
  wait_until([&] { return asks().size() == 2; });
  room_.set_free(0);
  answer("prepared");
  wait_until([&] { return prepared->status().is_prepared; });
  queue_->close(50ms);
  EXPECT_EQ(preparing->status().state, State::kCancelled);
  EXPECT_EQ(prepared->status().state, State::kCancelled);
}

TEST_F(QueueWithSlots, WhatPreparationsAddIsBoundedForAllJobsTogether) {
  start_with_memory(4, /*max_prepared_bytes=*/100);
  const auto first = submit_with_memory("first", 60), second = submit_with_memory("second", 40);
  const auto third = submit_with_memory("third", 1), fourth = submit("fourth");
  wait_for_step(first);
  wait_for_step(second);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(third->status().state, State::kWaiting);
  EXPECT_EQ(fourth->status().state, State::kWaiting) << "it came after the third";
  room_.release("second");
  wait_for_step(third);
  wait_for_step(fourth);
  EXPECT_EQ(first->status().state, State::kRunning);
  queue_->close(0s);
}

TEST_F(QueueWithSlots, AJobThatNeedsMoreMemoryThanAllMayIsDrawnAlone) {
  start_with_memory(2, /*max_prepared_bytes=*/100);
  const auto first = submit_with_memory("first", 1000), second = submit_with_memory("second", 1);
  wait_for_step(first);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(second->status().state, State::kWaiting);
  room_.release("first");
  wait_for_step(second);
  queue_->close(0s);
}

}  // namespace
}  // namespace glm_image::test
