#include "core/work_meter.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace glm_image::test {
namespace {

TEST(WorkMeter, ReceivesTheReportsOfItsThreadWhileItLives) {
  double work = 0;
  report_work(1);
  {
    const WorkMeter meter([&](double operations) { work += operations; });
    report_work(2);
    report_work(3);
    std::thread([] { report_work(100); }).join();
  }
  report_work(10);
  EXPECT_EQ(work, 5);
}

TEST(WorkMeter, TheInnermostReceivesReports) {
  double outer_work = 0, inner_work = 0;
  const WorkMeter outer([&](double operations) { outer_work += operations; });
  {
    const WorkMeter inner([&](double operations) { inner_work += operations; });
    report_work(2);
  }
  report_work(3);
  EXPECT_EQ(inner_work, 2);
  EXPECT_EQ(outer_work, 3);
}

TEST(WorkMeter, ItsExceptionStopsTheOperation) {
  const WorkMeter meter([](double) { throw std::runtime_error("enough"); });
  EXPECT_THROW(report_work(), std::runtime_error);
}

}  // namespace
}  // namespace glm_image::test
