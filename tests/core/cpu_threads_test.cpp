#include "core/cpu_threads.h"

#include <cstdlib>
#include <optional>
#include <thread>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

/// Sets $OMP_NUM_THREADS, or removes it, until its end.
class ThreadVariable {
 public:
  explicit ThreadVariable(const char* value) {
    if (const char* old = std::getenv(kName); old != nullptr) old_ = old;
    set(value);
  }
  ~ThreadVariable() { set(old_ ? old_->c_str() : nullptr); }

 private:
  static constexpr const char* kName = "OMP_NUM_THREADS";
  static void set(const char* value) {
    if (value == nullptr) {
      ::unsetenv(kName);
    } else {
      ::setenv(kName, value, /*overwrite=*/1);
    }
  }
  std::optional<std::string> old_;
};

TEST(CpuThreads, UsesTheRequestedNumberOrOnePerProcessor) {
  const ThreadVariable unset(nullptr);
  EXPECT_EQ(cpu_threads(3), 3);
  EXPECT_EQ(cpu_threads(0), static_cast<int>(std::thread::hardware_concurrency()));
}

TEST(CpuThreads, FollowsTheVariableOfOpenMp) {
  const auto threads_with = [](const char* value) {
    const ThreadVariable variable(value);
    return cpu_threads(0);
  };
  EXPECT_EQ(threads_with("7"), 7);
  EXPECT_EQ(threads_with("7,2"), 7);
  const int processors = static_cast<int>(std::thread::hardware_concurrency());
  for (const char* wrong : {"", "many", "0", "-2", "99999999999999999999"}) {
    EXPECT_EQ(threads_with(wrong), processors) << wrong;
  }
  const ThreadVariable variable("7");
  EXPECT_EQ(cpu_threads(3), 3);
}

}  // namespace
}  // namespace glm_image::test
