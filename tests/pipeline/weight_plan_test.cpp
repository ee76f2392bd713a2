// Which blocks stay and which stream.

#include "pipeline/weight_plan.h"

#include <gtest/gtest.h>

namespace glm_image::test {
namespace {

using pipeline::ComponentBytes;
using pipeline::plan_weights;

/// Ten bytes around two lists: three blocks of 20 bytes, stored in 30, and two of 5, stored in 5.
ComponentBytes two_lists() {
  ComponentBytes bytes;
  bytes.fixed = 10;
  bytes.lists = {{"layers", {{20, 30}, {20, 30}, {20, 30}}}, {"vision", {{5, 5}, {5, 5}}}};
  return bytes;
}

using Kept = std::vector<int64_t>;

TEST(WeightPlan, EverythingStaysIfItFits) {
  EXPECT_EQ(two_lists().memory(), 80);
  const auto plan = plan_weights(two_lists(), 80);
  EXPECT_FALSE(plan.streams());
  EXPECT_EQ(plan.kept, (Kept{3, 2}));
  EXPECT_EQ(plan.resident, 80);
}

TEST(WeightPlan, ElseOneBlockAndTheNextOnePassAndTheFirstListStaysFirst) {
  // 10 around, 20 for the block at work and 30 for the next one as it is stored.
  auto plan = plan_weights(two_lists(), 79);
  EXPECT_EQ(plan.kept, (Kept{0, 2}));
  EXPECT_EQ(plan.resident, 10 + 50 + 10);
  EXPECT_EQ(plan.streamed, 90);

  plan = plan_weights(two_lists(), 60);
  EXPECT_EQ(plan.kept, (Kept{0, 0}));
  EXPECT_EQ(plan.resident, 60);
  EXPECT_EQ(plan.streamed, 100);
}

TEST(WeightPlan, TooLittleShowsInTheSizeOfTheLeastPlan) {
  EXPECT_EQ(plan_weights(two_lists(), 0).resident, 60);
  ComponentBytes without_lists;
  without_lists.fixed = 10;
  EXPECT_EQ(plan_weights(without_lists, 5).resident, 10);
  EXPECT_FALSE(plan_weights(without_lists, 5).streams());
}

TEST(WeightPlan, StaysWithinWhatIsAllowedAndKeepsAllItCan) {
  ComponentBytes bytes;
  bytes.fixed = 7;
  bytes.lists = {{"layers", std::vector<pipeline::BlockBytes>(9, {11, 13})}};
  const int64_t least = 7 + 11 + 13, all = 7 + 9 * 11;
  for (int64_t allowed = least; allowed <= all + 5; ++allowed) {
    const auto plan = plan_weights(bytes, allowed);
    EXPECT_LE(plan.resident, allowed) << allowed;
    EXPECT_EQ(plan.streamed, (9 - plan.kept.at(0)) * 13) << allowed;
    if (plan.streams()) {
      EXPECT_GT(plan.resident + 11, allowed);
    }
  }
}

TEST(WeightPlan, ATableCountsByItsRows) {
  ComponentBytes bytes;
  bytes.table = 100'000'000;
  bytes.table_row = 8'000;
  EXPECT_EQ(bytes.memory(), 100'000'000);
  EXPECT_EQ(bytes.with_rows(0).memory(), 0);
  EXPECT_GE(bytes.with_rows(10).memory(), 10 * 8'000);
  EXPECT_LT(bytes.with_rows(10).memory(), 1'000'000);
  EXPECT_EQ(bytes.with_rows(1 << 20).memory(), 100'000'000);
}

}  // namespace
}  // namespace glm_image::test
