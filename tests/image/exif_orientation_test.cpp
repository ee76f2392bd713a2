#include "image/exif_orientation.h"

#include "image/codec.h"
#include "image/picture_files.h"

namespace glm_image::image {
namespace {

std::string number(uint32_t value, int size, bool little_endian) {
  std::string bytes = test::big_endian(value).substr(static_cast<std::size_t>(4 - size));
  return little_endian ? std::string(bytes.rbegin(), bytes.rend()) : bytes;
}

std::string entry(uint32_t tag, uint32_t type, const std::string& value, bool little_endian) {
  return number(tag, 2, little_endian) + number(type, 2, little_endian) +
         number(1, 4, little_endian) + value;
}

/// An Exif block with two entries, the second the orientation.
std::string exif(uint32_t orientation, bool little_endian, uint32_t type = 3) {
  const auto value = number(orientation, 2, little_endian) + std::string(2, '\0');
  return (little_endian ? "II" : "MM") + number(42, 2, little_endian) +
         number(8, 4, little_endian) + number(2, 2, little_endian) +
         entry(0x010F, 4, number(7, 4, little_endian), little_endian) +
         entry(0x0112, type, value, little_endian) + std::string(4, '\0');
}

/// A JPEG with an APP1 segment behind its first marker.
std::string with_exif(const std::string& jpeg, const std::string& block) {
  const std::string data = std::string("Exif\0\0", 6) + block;
  return jpeg.substr(0, 2) + "\xff\xe1" +
         test::big_endian16(static_cast<uint32_t>(data.size() + 2)) + data + jpeg.substr(2);
}

TEST(ExifOrientation, ReadsBothByteOrders) {
  for (const bool little_endian : {false, true}) {
    for (uint32_t orientation = 1; orientation <= 8; ++orientation) {
      EXPECT_EQ(exif_orientation(exif(orientation, little_endian)), static_cast<int>(orientation));
    }
    EXPECT_EQ(exif_orientation(exif(0, little_endian)), 1);
    EXPECT_EQ(exif_orientation(exif(9, little_endian)), 1);
    EXPECT_EQ(exif_orientation(exif(6, little_endian, /*type=*/2)), 1);
  }
}

TEST(ExifOrientation, DamagedBlocksSayNothing) {
  const auto whole = exif(6, true);
  const std::size_t end_of_value = whole.size() - 4 - 2;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(exif_orientation(whole.substr(0, size)), size < end_of_value ? 1 : 6) << size;
  }
  auto far_directory = whole;
  far_directory.replace(4, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(exif_orientation(far_directory), 1);
  auto many_entries = whole;
  many_entries.replace(8, 2, "\xff\xff");
  many_entries.replace(10, 2, "\1\1");
  EXPECT_EQ(exif_orientation(many_entries), 6);
  EXPECT_EQ(exif_orientation("XX" + whole.substr(2)), 1);
}

// The table of the Exif standard: where the 0th row and the 0th column of the stored picture are
// seen. The four stored corners tell all eight cases apart.
TEST(ExifOrientation, TurnsAsTheStandardSays) {
  struct Case {
    int orientation;
    const char* row0;
    const char* column0;
  };
  constexpr Case kCases[] = {{1, "top", "left"},
                             {2, "top", "right"},
                             {3, "bottom", "right"},
                             {4, "bottom", "left"},
                             {5, "left", "top"},
                             {6, "right", "top"},
                             {7, "right", "bottom"},
                             {8, "left", "bottom"}};
  const auto stored = test::gradient(5, 3);
  const auto pixel = [](const Image& image, int64_t x, int64_t y) {
    const auto* at = &image.pixels[static_cast<std::size_t>((y * image.width + x) * 3)];
    return std::vector<uint8_t>(at, at + 3);
  };
  for (const auto& [orientation, row0, column0] : kCases) {
    const auto seen = apply_orientation(stored, orientation);
    const bool sideways = orientation >= 5;
    ASSERT_EQ(seen.width, sideways ? 3 : 5) << orientation;
    ASSERT_EQ(seen.height, sideways ? 5 : 3) << orientation;
    const auto has = [&](const char* side, const char* side_of) {
      return std::string(side) == side_of;
    };
    for (int64_t y = 0; y < stored.height; ++y) {
      for (int64_t x = 0; x < stored.width; ++x) {
        // x steps away from the side where the 0th column is seen, y from the 0th row's.
        int64_t seen_x = 0, seen_y = 0;
        if (has(column0, "left")) seen_x = x;
        if (has(column0, "right")) seen_x = seen.width - 1 - x;
        if (has(column0, "top")) seen_y = x;
        if (has(column0, "bottom")) seen_y = seen.height - 1 - x;
        if (has(row0, "left")) seen_x = y;
        if (has(row0, "right")) seen_x = seen.width - 1 - y;
        if (has(row0, "top")) seen_y = y;
        if (has(row0, "bottom")) seen_y = seen.height - 1 - y;
        ASSERT_EQ(pixel(seen, seen_x, seen_y), pixel(stored, x, y)) << orientation;
      }
    }
  }
}

TEST(ExifOrientation, OfAJpegIsApplied) {
  const auto plain = encode_image(test::gradient(24, 16), ImageFormat::kJpeg);
  const auto upright = decode_image(plain, "plain");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const auto bytes = with_exif(plain, exif(static_cast<uint32_t>(orientation), true));
    const auto expected = apply_orientation(upright, orientation);
    EXPECT_EQ(test::max_difference(decode_image(bytes, "turned"), expected), 0) << orientation;
  }
}

}  // namespace
}  // namespace glm_image::image
