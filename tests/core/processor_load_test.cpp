#include "core/processor_load.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ctime>
#include <optional>
#include <sstream>
#include <thread>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(ProcessorLoad, AddsWhatTheAllowedProcessorsWorked) {
  const std::string text =
      "cpu  999 999 999 999 999 999 999 0 0 0\n"
      "cpu0 10 20 30 1000 2000 4 5 600 7 8\n"
      "cpu1 1 2 3 1000 2000 4 5 600 0 0\n"
      "cpu10 100 0 0 0 0 0 0 0 0 0\n"
      "intr 1 2 3\n";
  const auto ticks = [&](const std::vector<int>& processors) {
    std::istringstream stat(text);
    return busy_ticks(stat, processors, /*own_nice=*/10);
  };
  EXPECT_EQ(ticks({0}), 10 + 20 + 30 + 4 + 5);
  EXPECT_EQ(ticks({0, 1}), 69 + 15);
  EXPECT_EQ(ticks({10}), 100);
  EXPECT_EQ(ticks({2}), std::nullopt);
  EXPECT_EQ(ticks({}), std::nullopt);
}

TEST(ProcessorLoad, LeavesOutNicedWorkUnlessThisProcessIsNicedItself) {
  const auto ticks = [](int own_nice) {
    std::istringstream stat("cpu0 10 20 30 1000 2000 4 5 600 7 8\n");
    return busy_ticks(stat, {0}, own_nice);
  };
  EXPECT_EQ(ticks(0), 10 + 30 + 4 + 5);
  EXPECT_EQ(ticks(-5), ticks(0));
  EXPECT_EQ(ticks(1), 10 + 20 + 30 + 4 + 5);
}

TEST(ProcessorLoad, TellsNothingTooSoon) {
  using Clock = std::chrono::steady_clock;
  const auto before = Clock::now();
  ProcessorLoad load;
  const auto others = load.others();
  // Where this machine stands still in between, it is not too soon.
  if (Clock::now() - before < std::chrono::milliseconds(200)) {
    EXPECT_EQ(others, std::nullopt);
  }
}

// The loop's share depends on other processes, but their work counts as well.
TEST(ProcessorLoad, SeesABusyLoopOfAnotherProcess) {
  ProcessorLoad load;
  ASSERT_GT(load.processors(), 0);
  const pid_t loop = fork();
  ASSERT_GE(loop, 0);
  if (loop == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) {
    }
  }
  // A machine beside others may be given half of its processors' time, and sometimes less.
  constexpr double kLeast = 0.4;
  std::optional<double> others;
  wait_until([&] {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    others = load.others();
    return others.value_or(1) > kLeast;
  });
  kill(loop, SIGKILL);
  waitpid(loop, nullptr, 0);
  ASSERT_TRUE(others.has_value());
  EXPECT_GT(*others, kLeast);
  EXPECT_LE(*others, load.processors());
}

double seconds_on(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST(ProcessorLoad, DoesNotCountThisProcess) {
  // This process's time is measured within that of the load, and all time around it, so that it
  // does not matter where this machine stands still.
  const double before = seconds_on(CLOCK_MONOTONIC);
  ProcessorLoad load;
  const double own_before = seconds_on(CLOCK_PROCESS_CPUTIME_ID);
  while (seconds_on(CLOCK_MONOTONIC) < before + 1) {
  }
  const double own = seconds_on(CLOCK_PROCESS_CPUTIME_ID) - own_before;
  const auto others = load.others();
  const double all = seconds_on(CLOCK_MONOTONIC) - before;
  ASSERT_TRUE(others.has_value());
  // Whatever others do, the share of this loop is not theirs.
  EXPECT_LT(*others, load.processors() - own / all + 0.1);
}

}  // namespace
}  // namespace glm_image::test
