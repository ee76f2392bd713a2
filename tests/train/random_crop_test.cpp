#include "train/batch/random_crop.h"

#include <gtest/gtest.h>

namespace glm_image::train {
namespace {

TEST(CropRows, TakesTheRowsOfEachExample) {
  // The value of a cell is 100·example + row.
  const auto rows = at::arange(8).view({1, 1, 8, 1}).expand({2, 1, 8, 3});
  const auto x = rows + 100 * at::arange(2).view({2, 1, 1, 1});
  const auto crop = crop_rows(x, torch::tensor({int64_t{0}, int64_t{2}}), /*rows=*/2, /*scale=*/2);
  ASSERT_EQ(crop.sizes(), at::IntArrayRef({2, 1, 4, 3}));
  EXPECT_TRUE(at::equal(crop[0][0].select(1, 1), torch::tensor({0, 1, 2, 3}, at::kLong)));
  EXPECT_TRUE(at::equal(crop[1][0].select(1, 1), torch::tensor({104, 105, 106, 107}, at::kLong)));
}

}  // namespace
}  // namespace glm_image::train
