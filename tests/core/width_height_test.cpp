#include "core/width_height.h"

#include <gtest/gtest.h>

namespace glm_image::test {
namespace {

TEST(WidthHeight, IsTwoNumbersAboveZeroAndAnX) {
  const auto size = parse_width_height("1024x768");
  ASSERT_TRUE(size.has_value());
  EXPECT_EQ(size->first, 1024);
  EXPECT_EQ(size->second, 768);
  EXPECT_EQ(parse_width_height("32X64"), (std::pair<int64_t, int64_t>{32, 64}));
  for (const char* const text : {"",
                                 "1024",
                                 "x",
                                 "1024x",
                                 "x768",
                                 "0x768",
                                 "1024x0",
                                 "-1x2",
                                 "1x-2",
                                 "+1x2",
                                 " 1x2",
                                 "1x2 ",
                                 "1 x 2",
                                 "1*2",
                                 "1x2x3",
                                 "1.5x2",
                                 "99999999999999999999x1"}) {
    EXPECT_EQ(parse_width_height(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace glm_image::test
