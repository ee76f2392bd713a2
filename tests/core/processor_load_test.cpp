#include "core/processor_load.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <sstream>
#include <thread>

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
    return busy_ticks(stat, processors);
  };
  EXPECT_EQ(ticks({0}), 10 + 20 + 30 + 4 + 5);
  EXPECT_EQ(ticks({0, 1}), 69 + 15);
  EXPECT_EQ(ticks({10}), 100);
  EXPECT_EQ(ticks({2}), std::nullopt);
  EXPECT_EQ(ticks({}), std::nullopt);
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
  EXPECT_EQ(load.others(), std::nullopt) << "too soon to tell";
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const auto others = load.others();
  kill(loop, SIGKILL);
  waitpid(loop, nullptr, 0);
  ASSERT_TRUE(others.has_value());
  // A machine beside others may be given half of its processors' time.
  EXPECT_GT(*others, 0.4);
  EXPECT_LE(*others, load.processors());
}

TEST(ProcessorLoad, DoesNotCountThisProcess) {
  ProcessorLoad load;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  const auto before = std::chrono::steady_clock::now();
  timespec start{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
  while (std::chrono::steady_clock::now() < until) {
  }
  timespec end{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
  const double own = static_cast<double>(end.tv_sec - start.tv_sec) +
                     1e-9 * static_cast<double>(end.tv_nsec - start.tv_nsec);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  const auto others = load.others();
  ASSERT_TRUE(others.has_value());
  // Whatever others do, the share of this loop is not theirs.
  EXPECT_LT(*others, load.processors() - own / seconds + 0.1);
}

}  // namespace
}  // namespace glm_image::test
