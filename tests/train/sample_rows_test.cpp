#include "train/stages/sample_rows.h"

#include <gtest/gtest.h>

namespace glm_image::train {
namespace {

std::vector<std::pair<int64_t, int64_t>> sizes_of(const std::vector<SampleRow>& rows) {
  std::vector<std::pair<int64_t, int64_t>> sizes;
  for (const auto& row : rows) sizes.emplace_back(row.width, row.height);
  return sizes;
}

using Sizes = std::vector<std::pair<int64_t, int64_t>>;

TEST(SampleRows, ShowTheTrainedSizesTheMostFrequentFirst) {
  EXPECT_EQ(sizes_of(sample_rows({{64, 96, 1}}, 6)), (Sizes{{64, 96}, {64, 96}, {64, 96}}));
  EXPECT_EQ(sizes_of(sample_rows({{64, 96, 1}, {96, 32, 2}}, 6)),
            (Sizes{{96, 32}, {64, 96}, {96, 32}}));
  EXPECT_EQ(sizes_of(sample_rows({{32, 32, 0.5}, {64, 96, 1}, {96, 32, 0}, {64, 64, 1}}, 6)),
            (Sizes{{64, 96}, {64, 64}, {32, 32}}));
  // Repeated sizes count as one.
  EXPECT_EQ(sizes_of(sample_rows({{64, 64, 2}, {32, 32, 1.5}, {32, 32, 1.5}, {96, 96, 1}}, 6)),
            (Sizes{{32, 32}, {64, 64}, {96, 96}}));
}

TEST(SampleRows, NoExampleRepeats) {
  int64_t next = 0;
  for (const auto& row : sample_rows({{64, 64, 1}, {4096, 4096, 1}, {1024, 1024, 1}}, 5)) {
    EXPECT_EQ(row.first, next);
    EXPECT_EQ(row.pictures, row.width == 4096 ? 1 : 5);
    next += row.pictures;
  }
}

TEST(SampleRows, ManySizesAreCutToTheMostFrequent) {
  std::vector<SizeShare> sizes;
  for (int64_t i = 1; i <= 40; ++i) sizes.push_back({32 * i, 32, static_cast<double>(i)});
  const auto rows = sample_rows(sizes, 6);
  ASSERT_EQ(rows.size(), kMostSampleSizes);
  EXPECT_EQ(rows.front().width, 32 * 40);
  EXPECT_EQ(rows.back().width, 32 * 33);
}

}  // namespace
}  // namespace glm_image::train
