// Messages between ranks that know each other, and how a lost one is noticed.

#include "cluster/link.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "cluster/cluster_support.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::Link;
using cluster::Message;
using Clock = std::chrono::steady_clock;

/// Collects what a link reports.
class Ear {
 public:
  void start(Link& link) {
    link.start([this](Message message) { add(messages_, std::move(message)); },
               [this](const std::string& why) { add(losses_, why); });
  }
  std::optional<Message> next_message() { return next(messages_); }
  std::optional<std::string> next_loss() { return next(losses_); }

 private:
  template <typename Item>
  void add(std::vector<Item>& items, Item item) {
    const std::lock_guard lock(mutex_);
    items.push_back(std::move(item));
    change_.notify_all();
  }
  template <typename Item>
  std::optional<Item> next(std::vector<Item>& items) {
    std::unique_lock lock(mutex_);
    if (!change_.wait_for(lock, std::chrono::seconds(60), [&] { return !items.empty(); })) {
      return std::nullopt;
    }
    auto item = std::move(items.front());
    items.erase(items.begin());
    return item;
  }

  std::mutex mutex_;
  std::condition_variable change_;
  std::vector<Message> messages_;
  std::vector<std::string> losses_;
};

TEST(Link, MessagesArriveInOrderWithTheirBytes) {
  auto [a, b] = connected_sockets();
  Ear ear, other;
  Link left(std::move(a)), right(std::move(b));
  ear.start(left);
  other.start(right);
  for (int i = 0; i < 3; ++i) {
    Message message("number", {{"value", i}});
    message.body = std::string(static_cast<size_t>(i) * 1000000, static_cast<char>('a' + i));
    right.send(message);
  }
  for (int i = 0; i < 3; ++i) {
    const auto message = ear.next_message();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type(), "number");
    EXPECT_EQ(message->head.at("value"), i);
    EXPECT_EQ(message->body,
              std::string(static_cast<size_t>(i) * 1000000, static_cast<char>('a' + i)));
  }
}

TEST(Link, ADeadRankIsNoticedAtOnce) {
  auto [a, b] = connected_sockets();
  Ear ear;
  Link link(std::move(a));
  ear.start(link);
  { const auto gone = std::move(b); }
  const auto loss = ear.next_loss();
  ASSERT_TRUE(loss);
  EXPECT_EQ(*loss, "its connection closed");
  EXPECT_TRUE(link.is_over());
}

// Both take as long as the limit: side by side.
TEST(Link, ASilentRankIsLostAfterTheLimitAndAnIdleOneIsNot) {
  auto [silent, nobody] = connected_sockets();  // the other end is open and says nothing
  auto [a, b] = connected_sockets();
  Ear ear, left_ear, right_ear;
  Link link(std::move(silent)), left(std::move(a)), right(std::move(b));
  const auto began = Clock::now();
  ear.start(link);
  left_ear.start(left);
  right_ear.start(right);
  const auto loss = ear.next_loss();
  ASSERT_TRUE(loss);
  EXPECT_EQ(*loss, "it sent nothing for 8 s");
  EXPECT_GE(Clock::now() - began, cluster::kSilenceLimit);
  // Not only at a second limit, however loaded the machine is.
  EXPECT_LT(Clock::now() - began, 2 * cluster::kSilenceLimit);
  // Signs of life keep an idle link.
  std::this_thread::sleep_until(began + cluster::kSilenceLimit + std::chrono::seconds(1));
  EXPECT_FALSE(left.is_over());
  EXPECT_FALSE(right.is_over());
}

TEST(Link, AClosedLinkIsNotLost) {
  auto [a, b] = connected_sockets();
  bool lost = false;
  {
    Link link(std::move(a));
    link.start([](const Message& /*message*/) {}, [&](const std::string& /*why*/) { lost = true; });
    link.close();
  }
  EXPECT_FALSE(lost);
}

}  // namespace
}  // namespace glm_image::test
