#include "core/processor_load.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

#include "core/prefix.h"

namespace glm_image {
namespace {

constexpr std::chrono::milliseconds kWindow{200};

std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return processors;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &set)) processors.push_back(processor);
  }
  return processors;
}

double own_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

std::optional<int64_t> busy_ticks(std::istream& proc_stat,
                                  const std::vector<int>& processors,
                                  int own_nice) {
  int64_t sum = 0;
  size_t found = 0;
  for (std::string line; std::getline(proc_stat, line);) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    if (name.size() < 4 || !starts_with(name, "cpu")) continue;
    const auto is_its = [&](int processor) { return name == "cpu" + std::to_string(processor); };
    if (std::none_of(processors.begin(), processors.end(), is_its)) continue;
    // Idle time and waiting for input do not count. Guests' time is part of user and nice already.
    int64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft = 0;
    if (!(fields >> user >> nice >> system >> idle >> waiting >> interrupts >> soft)) continue;
    sum += user + system + interrupts + soft;
    if (own_nice > 0) sum += nice;
    ++found;
  }
  if (processors.empty() || found != processors.size()) return std::nullopt;
  return sum;
}

ProcessorLoad::ProcessorLoad()
    : processors_(allowed_processors()),
      nice_(::getpriority(PRIO_PROCESS, /*who=*/0)),
      measured_(Clock::now()) {
  busy_ = busy_seconds();
  own_ = own_seconds();
}

std::optional<double> ProcessorLoad::busy_seconds() const {
  std::ifstream stat("/proc/stat");
  const auto ticks = busy_ticks(stat, processors_, nice_);
  if (!ticks) return std::nullopt;
  return static_cast<double>(*ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::optional<double> ProcessorLoad::others() {
  const auto now = Clock::now();
  if (!busy_ || now - measured_ < kWindow) return std::nullopt;
  const auto busy = busy_seconds();
  if (!busy) return std::nullopt;
  const double own = own_seconds();
  const double seconds = std::chrono::duration<double>(now - measured_).count();
  const double others = ((*busy - *busy_) - (own - own_)) / seconds;
  busy_ = busy;
  own_ = own;
  measured_ = now;
  return std::clamp(others, 0.0, static_cast<double>(processors()));
}

}  // namespace glm_image
