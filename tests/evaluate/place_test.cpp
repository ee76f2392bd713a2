#include "evaluate/place.h"

#include <gtest/gtest.h>

namespace glm_image::evaluate {
namespace {

using posters::Place;

PixelBox around(int64_t x, int64_t y) {
  return {x - 10, y - 10, x + 10, y + 10};
}

TEST(Place, ThirdsOfThePicture) {
  EXPECT_TRUE(is_at(Place::kTopLeft, around(50, 40), 300, 240));
  EXPECT_FALSE(is_at(Place::kTopLeft, around(150, 40), 300, 240));
  EXPECT_FALSE(is_at(Place::kTopLeft, around(50, 120), 300, 240));
  EXPECT_TRUE(is_at(Place::kTop, around(150, 40), 300, 240));
  EXPECT_TRUE(is_at(Place::kCentre, around(150, 120), 300, 240));
  EXPECT_TRUE(is_at(Place::kRight, around(250, 120), 300, 240));
  EXPECT_FALSE(is_at(Place::kLeft, around(250, 120), 300, 240));
  EXPECT_TRUE(is_at(Place::kBottomRight, around(250, 200), 300, 240));
  EXPECT_FALSE(is_at(Place::kBottomRight, around(250, 40), 300, 240));
}

TEST(Place, AWideTextAtTheLeftIsAtTheLeft) {
  EXPECT_TRUE(is_at(Place::kLeft, {15, 100, 201, 140}, 300, 240));
  EXPECT_FALSE(is_at(Place::kLeft, {30, 100, 270, 140}, 300, 240));
}

TEST(Place, AnEmptyBoxHasNoPlace) {
  EXPECT_FALSE(is_at(Place::kTopLeft, PixelBox(), 300, 240));
}

}  // namespace
}  // namespace glm_image::evaluate
