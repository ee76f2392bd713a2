#pragma once

#include <atomic>
#include <chrono>
#include <thread>

namespace glm_image::test {

/// Measures how late a thread of this machine runs that other programs keep from the processors,
/// so that a test can bound a time on a busy machine too.
class SchedulingDelay {
 public:
  using Clock = std::chrono::steady_clock;

  SchedulingDelay() : thread_([this] { measure(); }) {}
  ~SchedulingDelay() {
    is_over_ = true;
    thread_.join();
  }
  SchedulingDelay(const SchedulingDelay&) = delete;
  SchedulingDelay& operator=(const SchedulingDelay&) = delete;

  /// The longest delay so far.
  Clock::duration longest() const { return Clock::duration(longest_); }

 private:
  void measure() {
    while (!is_over_) {
      constexpr std::chrono::milliseconds kSleep{20};
      const auto began = Clock::now();
      std::this_thread::sleep_for(kSleep);
      const auto late = (Clock::now() - began - kSleep).count();
      if (late > longest_) longest_ = late;
    }
  }

  std::atomic<bool> is_over_{false};
  std::atomic<Clock::rep> longest_{0};
  std::thread thread_;
};

}  // namespace glm_image::test
