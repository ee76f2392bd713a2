// Turns of the thread of all connections.

#include "server/turn_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <vector>

namespace glm_image::test {
namespace {

using namespace server;

TEST(TurnQueue, RunsTasksInOrder) {
  asio::io_context io;
  TurnQueue turns(io);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) turns.add([&order, i] { order.push_back(i); });
  EXPECT_TRUE(order.empty()) << "add() runs nothing itself";
  io.run();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(TurnQueue, LeavesTheThreadToOthersBetweenTurns) {
  constexpr int kTasks = 50;
  asio::io_context io;
  TurnQueue turns(io);
  int done = 0;
  // Each takes a whole turn.
  for (int i = 0; i < kTasks; ++i) {
    turns.add([&done] {
      std::this_thread::sleep_for(TurnQueue::kTurnTime);
      ++done;
    });
  }
  std::vector<int> done_before_others;
  std::function<void()> other = [&] {
    done_before_others.push_back(done);
    if (done < kTasks) asio::post(io, other);
  };
  asio::post(io, other);
  io.run();
  // The other work is handled after every single task.
  for (std::size_t i = 1; i < done_before_others.size(); ++i) {
    EXPECT_LE(done_before_others[i] - done_before_others[i - 1], 1);
  }
  EXPECT_GE(done_before_others.size(), std::size_t{kTasks});
}

TEST(TurnQueue, GivesEachConnectionOneTaskARound) {
  constexpr int kConnections = 20, kRequests = 30;
  asio::io_context io;
  TurnQueue turns(io);
  std::vector<int> answered(kConnections);
  std::function<void(int)> answer = [&](int connection) {
    const auto fewest = *std::min_element(answered.begin(), answered.end());
    EXPECT_LE(answered[static_cast<std::size_t>(connection)], fewest + 1);
    if (++answered[static_cast<std::size_t>(connection)] < kRequests) {
      turns.add([&answer, connection] { answer(connection); });
    }
  };
  for (int i = 0; i < kConnections; ++i) turns.add([&answer, i] { answer(i); });
  io.run();
  EXPECT_EQ(answered, std::vector<int>(kConnections, kRequests));
}

}  // namespace
}  // namespace glm_image::test
