#include "core/joined.h"

#include <set>
#include <string_view>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(Joined, PutsTheSeparatorBetweenTexts) {
  EXPECT_EQ(joined(std::vector<std::string>{}, ", "), "");
  EXPECT_EQ(joined(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(joined(std::vector<std::string>{"", "a", ""}, ", "), ", a, ");
  EXPECT_EQ(joined(std::set<std::string_view>{"b", "a"}, " or "), "a or b");
}

}  // namespace
}  // namespace glm_image::test
