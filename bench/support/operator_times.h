#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace glm_image::bench {

/// While it lives, adds up the seconds that each of LibTorch's operators takes on the thread that
/// made it, without those of the operators that it calls in turn. Our own kernels appear under the
/// node of their gradient on the way back; on the way there they are in no operator, and the
/// difference to the time of the whole.
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
  /// Longest first.
  static std::vector<Entry> entries();
  static void print(double whole_seconds, int most);

 private:
  uint64_t handle_;
};

}  // namespace glm_image::bench
