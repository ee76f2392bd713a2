// A cable between two network namespaces with a rate and a delay, for kernels without netem: a
// program that passes packets from one tun device to another. It ends with a signal.

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/command_line.h"

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

/// A new tun device in a namespace of `ip netns`; this thread stays in the namespace.
int open_device(const std::string& network, const std::string& name) {
  const auto path = "/var/run/netns/" + network;
  const int entered = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (entered < 0 || ::setns(entered, CLONE_NEWNET) != 0) fail(path);
  ::close(entered);
  const int device = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail("/dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(device, TUNSETIFF, &request) != 0) fail(name);
  return device;
}

/// One direction. A packet arrives when all of it has left at the rate, and the delay has passed.
class Direction {
 public:
  Direction(int from, int to, double bytes_per_second, Seconds delay)
      : from_(from), to_(to), bytes_per_second_(bytes_per_second), delay_(delay) {}

  void take_packets() {
    // More than fits on the way at any rate of interest; the rest waits in the device.
    constexpr std::size_t kMostOnTheWay = 1024;
    while (on_the_way_.size() < kMostOnTheWay) {
      const auto size = ::read(from_, space_.data(), space_.size());
      if (size <= 0) return;
      const auto begin = std::max(Clock::now(), free_again_);
      free_again_ = begin + std::chrono::duration_cast<Clock::duration>(
                                Seconds(static_cast<double>(size) / bytes_per_second_));
      on_the_way_.push_back({free_again_ + std::chrono::duration_cast<Clock::duration>(delay_),
                             {space_.begin(), space_.begin() + size}});
    }
  }
  void deliver() {
    while (!on_the_way_.empty() && on_the_way_.front().arrives <= Clock::now()) {
      const auto& bytes = on_the_way_.front().bytes;
      // A packet that a device refuses is lost, as on any network.
      if (::write(to_, bytes.data(), bytes.size()) < 0 && errno == EINTR) continue;
      on_the_way_.pop_front();
    }
  }
  std::optional<Clock::time_point> next_arrival() const {
    if (on_the_way_.empty()) return std::nullopt;
    return on_the_way_.front().arrives;
  }

 private:
  struct Packet {
    Clock::time_point arrives;
    std::vector<char> bytes;
  };

  const int from_, to_;
  const double bytes_per_second_;
  const Seconds delay_;
  Clock::time_point free_again_{};
  std::deque<Packet> on_the_way_;
  std::vector<char> space_ = std::vector<char>(1 << 16);
};

[[noreturn]] void relay(int one, int two, double bytes_per_second, Seconds delay) {
  std::array<Direction, 2> directions = {Direction(one, two, bytes_per_second, delay),
                                         Direction(two, one, bytes_per_second, delay)};
  std::array<pollfd, 2> devices = {pollfd{one, POLLIN, 0}, pollfd{two, POLLIN, 0}};
  while (true) {
    std::optional<Clock::time_point> next;
    for (const auto& direction : directions) {
      const auto arrival = direction.next_arrival();
      if (arrival && (!next || *arrival < *next)) next = arrival;
    }
    timespec wait{};
    if (next) {
      const auto left = std::max<int64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(*next - Clock::now()).count(), 0);
      constexpr int64_t kNanoseconds = 1000000000;
      wait.tv_sec = left / kNanoseconds;
      wait.tv_nsec = left % kNanoseconds;
    }
    if (::ppoll(devices.data(), devices.size(), next ? &wait : nullptr, nullptr) < 0 &&
        errno != EINTR) {
      fail("ppoll");
    }
    for (auto& direction : directions) direction.take_packets();
    for (auto& direction : directions) direction.deliver();
  }
}

void run(const std::vector<std::string>& arguments) {
  const int one = open_device(arguments[0], arguments[1]);
  const int two = open_device(arguments[2], arguments[3]);
  // Packets must not wait until a rank has computed.
  sched_param priority{};
  priority.sched_priority = 1;
  if (::sched_setscheduler(0, SCHED_FIFO, &priority) != 0) {
    std::fprintf(stderr, "without real-time priority: %s\n", std::strerror(errno));
  }
  std::printf("ready\n");
  std::fflush(stdout);
  relay(one, two, std::stod(arguments[4]) / 8, Seconds(std::stod(arguments[5])));
}

}  // namespace

int main(int argc, char** argv) {
  return glm_image::bench::run_with_arguments(
      argc,
      argv,
      "NAMESPACE DEVICE NAMESPACE DEVICE BITS_PER_SECOND SECONDS: a cable between new devices",
      6,
      6,
      run);
}
