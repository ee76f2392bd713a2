#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace glm_image::bench {

/// During its lifetime, accumulates the time of each LibTorch operator on the constructing thread,
/// excluding nested operators. In backward, this library's kernels appear under their autograd
/// node. In forward they belong to no operator: their time is the difference from the total.
class OperatorTimes {
 public:
  OperatorTimes();
  ~OperatorTimes();
  OperatorTimes(const OperatorTimes&) = delete;
  OperatorTimes& operator=(const OperatorTimes&) = delete;

  struct Entry {
    std::string name;
    double seconds = 0;
    int calls = 0;
  };
  /// Sorted by time, longest first.
  static std::vector<Entry> entries();
  static void print(double whole_seconds, int most);

 private:
  uint64_t handle_;
};

}  // namespace glm_image::bench
