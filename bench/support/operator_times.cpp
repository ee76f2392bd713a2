#include "support/operator_times.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

namespace glm_image::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Running : at::ObserverContext {
  Clock::time_point begin = Clock::now();
  double inside = 0;  ///< seconds of nested operators
};

// LibTorch's callbacks are plain functions, so their state cannot be a member.
thread_local std::vector<Running*> running;
thread_local std::map<std::string, OperatorTimes::Entry> totals;

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction&) {
  auto context = std::make_unique<Running>();
  running.push_back(context.get());
  return context;
}

void leave(const at::RecordFunction& function, at::ObserverContext* context) {
  const auto* ended = static_cast<Running*>(context);
  const double seconds = std::chrono::duration<double>(Clock::now() - ended->begin).count();
  running.pop_back();
  if (!running.empty()) running.back()->inside += seconds;
  auto& total = totals[function.name()];
  total.seconds += seconds - ended->inside;
  ++total.calls;
}

}  // namespace

OperatorTimes::OperatorTimes() {
  running.clear();
  totals.clear();
  handle_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(enter, leave)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

OperatorTimes::~OperatorTimes() {
  at::removeCallback(handle_);
}

std::vector<OperatorTimes::Entry> OperatorTimes::entries() {
  std::vector<Entry> sorted;
  sorted.reserve(totals.size());
  for (const auto& [name, total] : totals) sorted.push_back({name, total.seconds, total.calls});
  std::sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) {
    return a.seconds > b.seconds;
  });
  return sorted;
}

void OperatorTimes::print(double whole_seconds, int most) {
  double in_operators = 0;
  const auto sorted = entries();
  for (const auto& entry : sorted) in_operators += entry.seconds;
  std::printf("  %5.1f %%          outside of operators (our kernels, forward)\n",
              100 * (1 - in_operators / whole_seconds));
  for (size_t i = 0; i < sorted.size() && i < static_cast<size_t>(most); ++i) {
    std::printf("  %5.1f %%  %5d x  %s\n",
                100 * sorted[i].seconds / whole_seconds,
                sorted[i].calls,
                sorted[i].name.c_str());
  }
}

}  // namespace glm_image::bench
