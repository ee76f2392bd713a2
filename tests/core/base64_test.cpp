#include "core/base64.h"

#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(Base64, OfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
  size_t error_at = 0;
  for (const std::string bytes :
       {"", "f", "fo", "foo", "foob", "fooba", "foobar", "\xff\xfe\xfd"}) {
    EXPECT_EQ(from_base64(base64(bytes), error_at), bytes);
  }
  EXPECT_FALSE(from_base64("Zm9v====", error_at));
  EXPECT_FALSE(from_base64("Zm9\xff", error_at));
  EXPECT_EQ(error_at, 3U);
}

}  // namespace
}  // namespace glm_image::test
