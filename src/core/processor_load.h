#pragma once

#include <chrono>
#include <cstdint>
#include <istream>
#include <optional>
#include <vector>

namespace glm_image {

/// Time, in clock ticks, that these processors have worked for processes that compete with one of
/// the nice value `own_nice`, since the system started: the sum over the lines "cpuN" of
/// /proc/stat, whose fields proc_stat(5) explains. Work of processes with a nice value above 0
/// yields to a process whose own is 0 or less, and does not count for it. Nothing where a processor
/// has no line.
std::optional<int64_t> busy_ticks(std::istream& proc_stat,
                                  const std::vector<int>& processors,
                                  int own_nice);

/// How busy other processes keep the processors that this process may run on. The nice value of
/// this process is read once, by the constructor.
class ProcessorLoad {
 public:
  ProcessorLoad();

  /// Number of processors that this process may run on; 0 if unknown.
  int processors() const { return static_cast<int>(processors_.size()); }

  /// The number of them, possibly fractional, that other processes kept busy since the last value.
  /// Nothing if that is less than 200 ms ago (the system counts in steps of 10 ms), or if unknown.
  std::optional<double> others();

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<double> busy_seconds() const;

  std::vector<int> processors_;
  int nice_;
  Clock::time_point measured_;
  std::optional<double> busy_;  ///< seconds, of all processes
  double own_ = 0;              ///< seconds, of this process
};

}  // namespace glm_image
