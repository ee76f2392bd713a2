#include "nano/training/swapped_codes.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace glm_image::nano {
namespace {

/// Pictures of 8 tokens with the codes 100·class + position and the classes 0 (background), 3 and
/// 5.
struct Pictures {
  Tensor kinds = torch::tensor({0, 3, 3, 3, 5, 5, 5, 0}).repeat({2000, 1});
  Tensor codes = kinds * 100 + at::arange(8);
};

TEST(SwappedCodes, AreThoseOfItemsInTheSamePicture) {
  auto random = make_random(2);
  const Pictures pictures;
  const auto swapped = with_swapped_codes(pictures.codes, pictures.kinds, 0.8, random);
  const auto is_item = pictures.kinds > 0;
  EXPECT_TRUE(at::equal(swapped.masked_select(is_item.logical_not()),
                        pictures.codes.masked_select(is_item.logical_not())));
  const auto kinds_now = swapped.floor_divide(100);
  const auto is_ground = kinds_now == 0;
  EXPECT_TRUE((kinds_now == pictures.kinds).logical_or(is_ground).all().item<bool>());
  // The mean fraction is 0.8/4. A fifth of these become background, and a third of the others get
  // their own code again.
  const auto share = [&](const Tensor& x) {
    return x.masked_select(is_item).to(at::kDouble).mean().item<double>();
  };
  EXPECT_NEAR(share(is_ground), 0.2 * 0.2, 0.01);
  EXPECT_NEAR(share(swapped != pictures.codes), 0.2 * (0.2 + 0.8 * 2 / 3), 0.02);
  const auto spared = (swapped == pictures.codes).all(1).to(at::kDouble).mean().item<double>();
  EXPECT_GT(spared, 0.5);
  EXPECT_LT(spared, 0.75);
}

TEST(SwappedCodes, StayInPicturesWithoutBackground) {
  auto random = make_random(3);
  const auto kinds = at::full({500, 1}, 4, at::kLong);
  const auto codes = at::full({500, 1}, 7, at::kLong);
  EXPECT_TRUE(at::equal(with_swapped_codes(codes, kinds, 1, random), codes));
}

}  // namespace
}  // namespace glm_image::nano
