#include "image/numerals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace glm_image::test {
namespace {

Image grey(int64_t width, int64_t height) {
  return {width, height, std::vector<uint8_t>(static_cast<size_t>(3 * width * height), 100)};
}

TEST(Numerals, EachNumberHasAPictureOfItsOwnInTheCorner) {
  std::set<std::vector<uint8_t>> seen;
  for (int64_t number = 0; number < 100; ++number) {
    auto image = grey(256, 128);
    image::write_number(image, number);
    EXPECT_TRUE(seen.insert(image.pixels).second) << number;
    EXPECT_EQ(image.pixels[0], 0) << "a margin of black";
    EXPECT_EQ(std::count(image.pixels.begin(), image.pixels.end(), 255) % 3, 0);
    const auto last = image.pixels.end() - 1;
    EXPECT_EQ(*last, 100) << "the rest stays";
  }
}

TEST(Numerals, APictureTooSmallStays) {
  auto image = grey(8, 8);
  const auto before = image.pixels;
  image::write_number(image, 7);
  EXPECT_EQ(image.pixels, before);
}

}  // namespace
}  // namespace glm_image::test
