#include "train/code_noise.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace glm_image::train {
namespace {

constexpr int64_t kCodes = 4096;

/// Pictures of 8 tokens: code 100·kind + place, kinds 0 (ground), 3 and 5.
struct Pictures {
  Tensor kinds = torch::tensor({0, 3, 3, 3, 5, 5, 5, 0}).repeat({2000, 1});
  Tensor codes = kinds * 100 + at::arange(8);
};

TEST(DisturbCodes, ChangesTheWishedShareAtRandom) {
  auto random = make_random(1);
  const Pictures pictures;
  const auto wrong = disturb_codes(pictures.codes, pictures.kinds, kCodes, {0.1, 0}, random);
  const auto changed = (wrong != pictures.codes).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(changed, 0.1, 0.01);
  EXPECT_GE(wrong.min().item<int64_t>(), 0);
  EXPECT_GT(wrong.max().item<int64_t>(), kCodes - 20);
  EXPECT_LT(wrong.max().item<int64_t>(), kCodes);
  EXPECT_TRUE(
      at::equal(disturb_codes(pictures.codes, pictures.kinds, kCodes, {}, random), pictures.codes));
}

TEST(DisturbCodes, SwapsCodesOfItemsWithinTheirPicture) {
  auto random = make_random(2);
  const Pictures pictures;
  const auto swapped = disturb_codes(pictures.codes, pictures.kinds, kCodes, {0, 0.8}, random);
  const auto is_item = pictures.kinds > 0;
  EXPECT_TRUE(at::equal(swapped.masked_select(is_item.logical_not()),
                        pictures.codes.masked_select(is_item.logical_not())));
  const auto kinds_now = swapped.floor_divide(100);
  const auto is_ground = kinds_now == 0;
  EXPECT_TRUE((kinds_now == pictures.kinds).logical_or(is_ground).all().item<bool>());
  // A mean share of 0.8/4 is drawn; of these a fifth shows ground, and a third of the others meets
  // its own code again.
  const auto share = [&](const Tensor& x) {
    return x.masked_select(is_item).to(at::kDouble).mean().item<double>();
  };
  EXPECT_NEAR(share(is_ground), 0.2 * 0.2, 0.01);
  EXPECT_NEAR(share(swapped != pictures.codes), 0.2 * (0.2 + 0.8 * 2 / 3), 0.02);
  const auto spared = (swapped == pictures.codes).all(1).to(at::kDouble).mean().item<double>();
  EXPECT_GT(spared, 0.5);
  EXPECT_LT(spared, 0.75);
}

TEST(DisturbCodes, KeepsCodesWhereThereIsNoGroundToShow) {
  auto random = make_random(3);
  const auto kinds = at::full({500, 1}, 4, at::kLong);
  const auto codes = at::full({500, 1}, 7, at::kLong);
  EXPECT_TRUE(at::equal(disturb_codes(codes, kinds, kCodes, {0, 1}, random), codes));
}

}  // namespace
}  // namespace glm_image::train
