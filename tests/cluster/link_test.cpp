// Messages between ranks that know each other, and how a lost one is noticed.

#include "cluster/link.h"

#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>

#include "cluster/cluster_support.h"
#include "core/text_format.h"
#include "support/scheduling_delay.h"
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
    if (!change_.wait_for(lock, std::chrono::minutes(5), [&] { return !items.empty(); })) {
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
  auto [silent, peer] = connected_sockets();
  auto [a, b] = connected_sockets();
  Ear ear, left_ear, right_ear;
  Link link(std::move(silent)), left(std::move(a)), right(std::move(b));
  const SchedulingDelay delay;
  ear.start(link);
  left_ear.start(left);
  right_ear.start(right);
  // The other end sends some heartbeats; then it is open and says nothing.
  Clock::time_point last;
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(cluster::kHeartbeatPeriod);
    last = Clock::now();
    cluster::send_message(peer, Message("alive"), cluster::kSilenceLimit);
  }
  const auto loss = ear.next_loss();
  const auto noticed = Clock::now() - last;
  ASSERT_TRUE(loss);
  EXPECT_EQ(*loss, concat("it sent nothing for ", cluster::kSilenceLimit.count(), " s"));
  EXPECT_GE(noticed, cluster::kSilenceLimit);
  EXPECT_LE(noticed, cluster::kNoticeLimit + delay.longest());
  // What docs/cluster.md promises.
  EXPECT_LE(cluster::kNoticeLimit, std::chrono::seconds(10));
  // Signs of life keep an idle link.
  EXPECT_FALSE(left.is_over());
  EXPECT_FALSE(right.is_over());
}

/// Connects a link that ends with what `fails` throws at its first message.
std::optional<std::string> loss_after(const std::function<void()>& fails) {
  auto [a, b] = connected_sockets();
  auto [c, d] = connected_sockets();
  // Two attempts to report the loss find no memory either.
  std::atomic<int> attempts{0};
  std::mutex mutex;
  std::condition_variable change;
  std::optional<std::string> loss;
  Ear peer_ear, other_ear, other_peer_ear;
  Link link(std::move(a)), peer(std::move(b)), other(std::move(c)), other_peer(std::move(d));
  link.start([&](const Message& /*message*/) { fails(); },
             [&](const std::string& why) {
               if (++attempts < 3) throw std::bad_alloc();
               const std::lock_guard lock(mutex);
               loss = why;
               change.notify_all();
             });
  peer_ear.start(peer);
  other_ear.start(other);
  other_peer_ear.start(other_peer);
  peer.send(Message("a message"));
  std::unique_lock lock(mutex);
  change.wait_for(lock, std::chrono::minutes(5), [&] { return loss.has_value(); });
  lock.unlock();
  EXPECT_TRUE(link.is_over());
  EXPECT_EQ(peer_ear.next_loss(), "its connection closed");
  // Other links continue.
  other_peer.send(Message("another message"));
  const auto heard = other_ear.next_message();
  EXPECT_TRUE(heard && heard->type() == "another message");
  EXPECT_FALSE(other.is_over());
  EXPECT_EQ(attempts, 3);
  return loss;
}

TEST(Link, AMessageWithoutMemoryEndsItsLinkAlone) {
  EXPECT_EQ(loss_after([] { throw std::bad_alloc(); }),
            "this machine has no memory for its messages");
}

TEST(Link, AnyExceptionOfAMessageEndsItsLinkAlone) {
  EXPECT_EQ(loss_after([] { throw std::runtime_error("a sentence longer than a short string"); }),
            "a sentence longer than a short string");
  EXPECT_EQ(loss_after([] { throw 1; }), "its message led to an unknown error");
}

TEST(Link, ALinkEndsWhileItsLossCannotBeReported) {
  auto [a, b] = connected_sockets();
  std::atomic<int> attempts{0};
  {
    Link link(std::move(a));
    link.start([](const Message& /*message*/) {},
               [&](const std::string& /*why*/) {
                 ++attempts;
                 throw std::bad_alloc();
               });
    { const auto gone = std::move(b); }
    wait_until([&] { return attempts >= 2; });
  }
  EXPECT_GE(attempts, 2);
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
