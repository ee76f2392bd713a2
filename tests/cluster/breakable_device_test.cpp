// An operation of Gloo whose other rank hangs in the middle of a message.

#include "cluster/breakable_device.h"

#include <gloo/allgather.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/hash_store.h>
#include <gloo/transport/tcp/device.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <set>
#include <thread>

#include "support/program.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::BreakableDevice;

/// Of a rank. More than the system takes ahead of a receiver.
constexpr size_t kBytes = size_t{64} << 20;

std::set<pid_t> threads_of_this_process() {
  std::set<pid_t> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    threads.insert(std::stoi(entry.path().filename().string()));
  }
  return threads;
}

std::atomic<bool> hangs{false};

/// A thread that gets SIGUSR1 sleeps while `hangs`.
void sleep_while_hanging(int /*signal*/) {
  while (hangs) ::usleep(1000);
}

class HangingThread {
 public:
  explicit HangingThread(pid_t thread) {
    hangs = true;
    ::signal(SIGUSR1, sleep_while_hanging);
    ::syscall(SYS_tgkill, ::getpid(), thread, SIGUSR1);
  }
  ~HangingThread() { hangs = false; }
  HangingThread(const HangingThread&) = delete;
  HangingThread& operator=(const HangingThread&) = delete;
};

/// One of two ranks.
class GlooRank {
 public:
  explicit GlooRank(int rank) : rank_(rank) {
    gloo::transport::tcp::attr place("127.0.0.1");
    const auto before = threads_of_this_process();
    const auto device = gloo::transport::tcp::CreateDevice(place);
    for (const pid_t thread : threads_of_this_process()) {
      if (before.count(thread) == 0) device_thread_ = thread;
    }
    device_ = std::make_shared<BreakableDevice>(device, std::chrono::hours(1));
  }
  /// Begins to gather the bytes of both ranks. The result is the error, or empty.
  std::future<std::string> begin(gloo::rendezvous::HashStore& store) {
    return std::async(std::launch::async, [&]() -> std::string {
      try {
        auto context = std::make_shared<gloo::rendezvous::Context>(rank_, 2);
        context->setTimeout(std::chrono::minutes(1));
        std::shared_ptr<gloo::transport::Device> device = device_;
        context->connectFullMesh(store, device);
        gloo::AllgatherOptions options(context);
        options.setTimeout(std::chrono::hours(1));
        options.setInput(own_.data(), own_.size());
        options.setOutput(all_.data(), all_.size());
        gloo::allgather(options);
      } catch (const std::exception& error) {
        return error.what();
      }
      return "";
    });
  }
  BreakableDevice& device() { return *device_; }
  /// The one that sends and receives.
  pid_t device_thread() const { return device_thread_; }
  /// Whether this byte of the other rank's has arrived.
  bool has(size_t byte) const {
    const volatile char* of_other = all_.data() + (rank_ == 0 ? kBytes : 0);
    return of_other[byte] != 0;
  }

 private:
  const int rank_;
  pid_t device_thread_ = 0;
  std::shared_ptr<BreakableDevice> device_;
  std::vector<char> own_ = std::vector<char>(kBytes, 1), all_ = std::vector<char>(2 * kBytes);
};

TEST(BreakableDevice, EndsAnOperationInTheMiddleOfAMessage) {
  // As the programs do: Gloo writes to connections that the other side may have closed.
  std::signal(SIGPIPE, SIG_IGN);
  constexpr int kAttempts = 5;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    gloo::rendezvous::HashStore store;
    GlooRank waiting(0), hanging(1);
    ASSERT_NE(hanging.device_thread(), 0);
    auto of_waiting = waiting.begin(store), of_hanging = hanging.begin(store);
    // Gloo sends two messages, and ends what waits for one that has not begun.
    while (!waiting.has(kBytes * 9 / 16) &&
           of_waiting.wait_for(std::chrono::microseconds(50)) != std::future_status::ready) {
    }
    std::string error;
    double seconds = 0;
    {
      const HangingThread hung(hanging.device_thread());
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      const bool came_too_late = waiting.has(kBytes - 1);
      const Stopwatch ending;
      waiting.device().break_up();
      error = of_waiting.get();
      seconds = ending.seconds();
      if (came_too_late) error = "";
    }
    hanging.device().break_up();
    of_hanging.get();
    if (error.empty()) continue;
    EXPECT_EQ(error, "the group was stopped");
    EXPECT_LT(seconds, 10);
    return;
  }
  GTEST_SKIP() << "the messages were faster than the signals of this test";
}

TEST(BreakableDevice, ConnectsNothingOnceItIsBroken) {
  gloo::rendezvous::HashStore store;
  GlooRank rank(0);
  rank.device().break_up();
  EXPECT_EQ(rank.begin(store).get(), "the group was stopped");
}

}  // namespace
}  // namespace glm_image::test
