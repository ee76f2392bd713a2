#include "core/byte_size.h"

#include <gtest/gtest.h>

namespace glm_image::test {
namespace {

TEST(ByteSize, IsANumberAndAUnit) {
  EXPECT_EQ(parse_byte_size("8GB"), 8'000'000'000);
  EXPECT_EQ(parse_byte_size("8 GiB"), int64_t{8} << 30);
  EXPECT_EQ(parse_byte_size("512MiB"), int64_t{512} << 20);
  EXPECT_EQ(parse_byte_size("1.5gb"), 1'500'000'000);
  EXPECT_EQ(parse_byte_size("0.25 MiB"), int64_t{1} << 18);
  EXPECT_EQ(parse_byte_size("2.05kB"), 2050);
  EXPECT_EQ(parse_byte_size("3KiB"), 3072);
  EXPECT_EQ(parse_byte_size("1TB"), 1'000'000'000'000);
  EXPECT_EQ(parse_byte_size("1TiB"), int64_t{1} << 40);
  EXPECT_EQ(parse_byte_size("700B"), 700);
}

TEST(ByteSize, EverythingElseIsNone) {
  for (const char* const text : {"",      "8",     "GB",    "8G",        "8 ",
                                 "8  GB", " 8GB",  "8GB ",  "-8GB",      "+8GB",
                                 "0GB",   "0.2B",  "8.GB",  ".5GB",      "1e3GB",
                                 "8,5GB", "8GBB",  "8iB",   "8Gib/s",    "0x8GB",
                                 "8PB",   "nanGB", "infGB", "2000000TB", "99999999999999999999B",
                                 "8kiiB"}) {
    EXPECT_EQ(parse_byte_size(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(ByteSize, TextHasOneDigitBehindThePoint) {
  EXPECT_EQ(byte_size_text(8'000'000'000), "8.0 GB");
  EXPECT_EQ(byte_size_text(12'345'000'000), "12.3 GB");
  EXPECT_EQ(byte_size_text(999'000'000), "999.0 MB");
  EXPECT_EQ(byte_size_text(0), "0.0 MB");
}

}  // namespace
}  // namespace glm_image::test
