#include "core/cpu_threads.h"

#include <cstdlib>
#include <thread>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(CpuThreads, AreWhatIsAskedForOrOneForEachProcessor) {
  EXPECT_EQ(cpu_threads(3), 3);
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    EXPECT_EQ(cpu_threads(0), static_cast<int>(std::thread::hardware_concurrency()));
  } else {
    EXPECT_EQ(cpu_threads(0), at::get_num_threads());
  }
}

}  // namespace
}  // namespace glm_image::test
