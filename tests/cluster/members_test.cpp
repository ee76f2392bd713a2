// The coordinator's table of workers, without anything to draw.

#include "cluster/members.h"

#include <new>

#include "cluster/drawing_cluster.h"

namespace glm_image::test {
namespace {

using cluster::Link;
using cluster::Members;
using cluster::Message;

/// A worker that says that it is ready, and nothing else by itself.
class SilentWorker {
 public:
  explicit SilentWorker(const cluster::Address& address) {
    auto socket = cluster::Socket::connect(address, std::chrono::minutes(1));
    rank_ = cluster::join(socket, cluster::Secret(), tiny_fingerprint()).rank;
    link_ = std::make_unique<Link>(std::move(socket));
    link_->start([](const Message& /*message*/) {}, [](const std::string& /*why*/) {});
    link_->send(Message("ready"));
  }
  int rank() const { return rank_; }
  void send(const std::string& type) { link_->send(Message(type)); }

 private:
  int rank_ = 0;
  std::unique_ptr<Link> link_;
};

TEST(Members, AMessageWithoutMemoryLosesItsRankAlone) {
  cluster::MemberOptions options;
  options.address = next_cluster_address();
  options.world = 3;
  options.model = tiny_fingerprint();
  std::mutex mutex;
  std::vector<std::string> losses;
  std::atomic<int> heard_of{0};
  Members members(options,
                  {[&](int rank, const Message& message) {
                     if (message.type() == "too large") throw std::bad_alloc();
                     heard_of = rank;
                   },
                   [&](int /*rank*/, const std::string& sentence) {
                     const std::lock_guard lock(mutex);
                     losses.push_back(sentence);
                   },
                   [](const std::string& /*sentence*/) {}});
  SilentWorker first(options.address), second(options.address);
  wait_until([&] { return members.ready().size() == 2; });
  first.send("too large");
  wait_until([&] { return members.ready() == std::vector<int>{second.rank()}; });
  second.send("a message");
  wait_until([&] { return heard_of == second.rank(); });
  wait_until([&] {
    const std::lock_guard lock(mutex);
    return !losses.empty();
  });
  const std::lock_guard lock(mutex);
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses.front(),
            concat("rank ",
                   first.rank(),
                   " of 3 (127.0.0.1) was lost: this machine has no memory for its messages"));
}

}  // namespace
}  // namespace glm_image::test
