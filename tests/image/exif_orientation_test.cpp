#include "image/exif_orientation.h"

#include <optional>
#include <string>

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

/// An Exif block with a LONG and an Orientation field of type `type`. The field has `count` copies
/// of `value`, in the field itself or after the directory if they do not fit.
std::string exif_field(uint32_t type,
                       uint32_t count,
                       const std::string& value,
                       bool little_endian) {
  std::string values;
  for (uint32_t i = 0; i < count; ++i) values += value;
  const bool fits = values.size() <= 4;
  const auto behind = number(8 + 2 + 2 * 12 + 4, 4, little_endian);
  const auto field = fits ? values + std::string(4 - values.size(), '\0') : behind;
  auto entry_of_field = entry(0x0112, type, field, little_endian);
  entry_of_field.replace(4, 4, number(count, 4, little_endian));
  return (little_endian ? "II" : "MM") + number(42, 2, little_endian) +
         number(8, 4, little_endian) + number(2, 2, little_endian) +
         entry(0x010F, 4, number(7, 4, little_endian), little_endian) + entry_of_field +
         std::string(4, '\0') + (fits ? "" : values);
}

/// With Orientation as SHORT, as cameras write it.
std::string exif(uint32_t orientation, bool little_endian) {
  return exif_field(3, 1, number(orientation, 2, little_endian), little_endian);
}

TEST(ExifOrientation, ReadsBothByteOrders) {
  for (const bool little_endian : {false, true}) {
    for (uint32_t orientation = 1; orientation <= 8; ++orientation) {
      EXPECT_EQ(exif_orientation(exif(orientation, little_endian)), static_cast<int>(orientation));
    }
    for (const uint32_t unknown : {0u, 9u, 262u}) {
      EXPECT_EQ(exif_orientation(exif(unknown, little_endian)), 1) << unknown;
    }
  }
}

// Pillow 9.4's result for the value 6 in every type. Numbers rotate the picture, and the first of
// several counts. Bytes and texts are a tag without rotation. Fields with no or an unknown type are
// no tag.
TEST(ExifOrientation, AcceptsTheTypesThatPillowAccepts) {
  constexpr uint32_t kFloatSix = 0x40C00000, kDoubleSixHigh = 0x40180000;
  for (const bool little_endian : {false, true}) {
    const auto of = [&](uint32_t value, int size) { return number(value, size, little_endian); };
    const auto wide = [&](uint32_t high, uint32_t low) {
      return little_endian ? of(low, 4) + of(high, 4) : of(high, 4) + of(low, 4);
    };
    const struct {
      uint32_t type;
      std::string value;
      std::optional<int> expected;
    } cases[] = {{1, of(6, 1), 1},
                 {2, "6", 1},
                 {3, of(6, 2), 6},
                 {4, of(6, 4), 6},
                 {5, of(12, 4) + of(2, 4), 6},
                 {5, of(13, 4) + of(2, 4), 1},
                 {5, of(6, 4) + of(0, 4), 1},
                 {6, of(6, 1), 6},
                 {7, of(6, 1), 1},
                 {8, of(6, 2), 6},
                 {8, of(0xFFFA, 2), 1},
                 {9, of(6, 4), 6},
                 {10, of(static_cast<uint32_t>(-6), 4) + of(static_cast<uint32_t>(-1), 4), 6},
                 {11, of(kFloatSix, 4), 6},
                 {12, wide(kDoubleSixHigh, 0), 6},
                 {13, of(6, 4), 6},
                 {16, wide(0, 6), 6},
                 {16, wide(1, 6), 1},
                 {0, of(6, 4), std::nullopt},
                 {14, of(6, 4), std::nullopt},
                 {99, of(6, 4), std::nullopt}};
    for (const auto& [type, value, expected] : cases) {
      EXPECT_EQ(exif_orientation(exif_field(type, 0, value, little_endian)), std::nullopt) << type;
      for (uint32_t count = 1; count <= 3; ++count) {
        EXPECT_EQ(exif_orientation(exif_field(type, count, value, little_endian)), expected)
            << "type " << type << ", " << count << " values";
      }
    }
  }
}

TEST(ExifOrientation, DamagedBlocksHaveNoOrientation) {
  const auto whole = exif(6, true);
  const std::size_t end_of_entry = whole.size() - 4;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto expected = size < end_of_entry ? std::nullopt : std::optional(6);
    EXPECT_EQ(exif_orientation(whole.substr(0, size)), expected) << size;
  }
  auto far_directory = whole;
  far_directory.replace(4, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(exif_orientation(far_directory), std::nullopt);
  auto many_entries = whole;
  many_entries.replace(8, 2, "\xff\xff");
  EXPECT_EQ(exif_orientation(many_entries), 6);
  auto many_values = exif_field(4, 2, number(6, 4, true), true);
  many_values.replace(10 + 12 + 4, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(exif_orientation(many_values), std::nullopt);
  EXPECT_EQ(exif_orientation("XX" + whole.substr(2)), std::nullopt);
}

TEST(ExifOrientation, ToleratesKnownWriterErrors) {
  const std::string name("Exif\0\0", 6);
  EXPECT_EQ(exif_orientation(name + exif(6, true)), 6);
  EXPECT_EQ(exif_orientation(name + name + exif(6, false)), 6);
  auto other_magic = exif(6, true);
  other_magic.replace(2, 2, std::string("\0\x2a", 2));
  EXPECT_EQ(exif_orientation(other_magic), 6);
}

// Pillow uses the Exif block's tag, whatever its value. Without one it uses the first match of
// tiff:Orientation(="|>)([0-9]) in the XMP packet.
TEST(ExifOrientation, ComesFromXmpIfExifHasNone) {
  const auto of_xmp = [](const std::string& xmp) { return orientation_of({"", xmp}); };
  EXPECT_EQ(of_xmp("<x tiff:Orientation=\"6\"/>"), 6);
  EXPECT_EQ(of_xmp("<tiff:Orientation>8</tiff:Orientation>"), 8);
  EXPECT_EQ(of_xmp("tiff:Orientation tiff:Orientation=\"\" tiff:Orientation=\"3\""), 3);
  EXPECT_EQ(of_xmp("tiff:Orientation=\"3\" tiff:Orientation=\"6\""), 3);
  for (const char* none : {"",
                           "tiff:Orientation",
                           "tiff:Orientation=\"",
                           "tiff:Orientation>",
                           "tiff:Orientation='6'",
                           "tiff:Orientation=\"0\"",
                           "tiff:Orientation=\"9\"",
                           "exif:Orientation=\"6\""}) {
    EXPECT_EQ(of_xmp(none), 1) << none;
  }
  const std::string xmp = "tiff:Orientation=\"6\"";
  EXPECT_EQ(orientation_of({exif(8, true), xmp}), 8);
  EXPECT_EQ(orientation_of({exif(1, true), xmp}), 1);
  EXPECT_EQ(orientation_of({exif(9, true), xmp}), 1);
  EXPECT_EQ(orientation_of({exif_field(99, 1, "6", true), xmp}), 6);
  EXPECT_EQ(orientation_of({"damaged", xmp}), 6);
}

// The table of the Exif standard: where the 0th row and the 0th column of the stored picture
// appear. The four stored corners distinguish all eight cases.
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
        // x counts from the side where the 0th column appears, y from the side of the 0th row.
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

/// The metadata of a file.
struct Notes {
  std::string exif, xmp;
};

std::string jpeg_segment(const std::string& data) {
  return "\xff\xe1" + test::big_endian16(static_cast<uint32_t>(data.size() + 2)) + data;
}

std::string jpeg_with(const std::string& jpeg, const Notes& notes) {
  std::string segments;
  // Two Exif segments, as for a block that is too long for one.
  const std::string exif_name("Exif\0\0", 6), xmp_name("http://ns.adobe.com/xap/1.0/\0", 29);
  if (!notes.exif.empty()) {
    segments += jpeg_segment(exif_name + notes.exif.substr(0, 20));
    segments += jpeg_segment(exif_name + notes.exif.substr(20));
  }
  if (!notes.xmp.empty()) segments += jpeg_segment(xmp_name + notes.xmp);
  return jpeg.substr(0, 2) + segments + jpeg.substr(2);
}

std::string webp_chunk(const std::string& type, const std::string& data) {
  return type + number(static_cast<uint32_t>(data.size()), 4, true) + data +
         std::string(data.size() % 2, '\0');
}

/// A still picture without an extended header.
std::string webp_with(const std::string& webp, const Image& image, const Notes& notes) {
  constexpr uint32_t kExifFlag = 8, kXmpFlag = 4;
  const auto flags = (notes.exif.empty() ? 0 : kExifFlag) | (notes.xmp.empty() ? 0 : kXmpFlag);
  const auto side = [](int64_t pixels) {
    return number(static_cast<uint32_t>(pixels - 1), 3, true);
  };
  auto body = "WEBP" +
              webp_chunk("VP8X", number(flags, 4, true) + side(image.width) + side(image.height)) +
              webp.substr(12);
  if (!notes.exif.empty()) body += webp_chunk("EXIF", notes.exif);
  if (!notes.xmp.empty()) body += webp_chunk("XMP ", notes.xmp);
  return "RIFF" + number(static_cast<uint32_t>(body.size()), 4, true) + body;
}

std::string itxt(const std::string& keyword, const std::string& value, bool compressed = false) {
  const std::string head = keyword + '\0' + (compressed ? '\1' : '\0') + std::string(3, '\0');
  return test::png_chunk("iTXt", head + (compressed ? test::zlib_stored(value) : value));
}

std::string png_with(const Image& image, const Notes& notes) {
  std::string chunks;
  if (!notes.exif.empty()) chunks += test::png_chunk("eXIf", notes.exif);
  if (!notes.xmp.empty()) chunks += itxt("XML:com.adobe.xmp", notes.xmp);
  return test::rgb_png(image, chunks);
}

TEST(ExifOrientation, IsAppliedInEveryFormat) {
  const auto stored = test::gradient(24, 16);
  const auto jpeg = image::encode_image(stored, ImageFormat::kJpeg);
  const auto webp = image::encode_image(stored, ImageFormat::kWebp, {100, {}});
  const auto jpeg_pixels = decode_image(jpeg, "plain");
  for (uint32_t orientation = 1; orientation <= 8; ++orientation) {
    const auto digit = std::to_string(orientation);
    for (const auto& notes : {Notes{exif(orientation, true), ""},
                              Notes{exif(orientation, false), ""},
                              Notes{"", "<x tiff:Orientation=\"" + digit + "\"/>"},
                              Notes{"", "<tiff:Orientation>" + digit + "</tiff:Orientation>"},
                              Notes{exif(orientation, true), "tiff:Orientation=\"2\""}}) {
      const auto expect = [&](const std::string& file, const Image& upright) {
        const auto expected = apply_orientation(upright, static_cast<int>(orientation));
        EXPECT_EQ(test::max_difference(decode_image(file, "turned"), expected), 0)
            << orientation << ' ' << notes.xmp;
      };
      expect(jpeg_with(jpeg, notes), jpeg_pixels);
      expect(webp_with(webp, stored, notes), stored);
      expect(png_with(stored, notes), stored);
    }
  }
}

// ImageMagick's form, and the plain text that Pillow reads like an eXIf chunk.
TEST(ExifOrientation, IsFoundInTheTextsOfAPng) {
  const auto block = exif(6, false);
  std::string profile = "\nexif\n" + std::to_string(block.size()) + "\n";
  for (std::size_t i = 0; i < block.size(); ++i) {
    constexpr auto kDigits = "0123456789abcdef";
    const auto byte = static_cast<uint8_t>(block[i]);
    profile += {kDigits[byte >> 4], kDigits[byte & 15]};
    if (i % 20 == 19) profile += '\n';
  }
  const std::string key("Raw profile type exif\0", 22), zero(1, '\0');
  const std::string xmp_key("XML:com.adobe.xmp\0", 18), xmp = "tiff:Orientation=\"6\"";
  const auto stored = test::gradient(9, 5);
  const auto turned = apply_orientation(stored, 6);
  const auto text = [](const std::string& data) { return test::png_chunk("tEXt", data); };
  const auto ztxt = [&](const std::string& name, const std::string& value) {
    return test::png_chunk("zTXt", name + zero + test::zlib_stored(value));
  };
  const auto eight = test::png_chunk("eXIf", exif(8, true));
  const auto decoded = [](const std::string& file) { return decode_image(file, "text.png"); };
  for (const auto& chunks : {text(key + profile),
                             ztxt(key, profile),
                             itxt("Raw profile type exif", profile),
                             text(std::string("exif\0", 5) + block),
                             eight + text(std::string("exif\0", 5) + block),
                             text(xmp_key + xmp),
                             ztxt(xmp_key, xmp),
                             itxt("XML:com.adobe.xmp", xmp, /*compressed=*/true),
                             itxt("XML:com.adobe.xmp", "\xff" + xmp),
                             eight + test::png_chunk("eXIf", block)}) {
    EXPECT_EQ(test::max_difference(decoded(test::rgb_png(stored, chunks)), turned), 0);
    // Also after the pixels.
    auto file = test::rgb_png(stored);
    file.insert(file.size() - 12, chunks);
    EXPECT_EQ(test::max_difference(decoded(file), turned), 0);
  }
  // Other profiles, damaged or unknown texts and wrong checksums are ignored.
  auto wrong = itxt("XML:com.adobe.xmp", xmp);
  wrong.back() = static_cast<char>(~wrong.back());
  for (const auto& chunks : {text(std::string("Raw profile type APP1\0", 22) + profile),
                             text(key + profile.substr(0, profile.size() - 2) + "!!"),
                             text(key + "\nexif\n"),
                             text("XML:com.adobe.xmp"),
                             test::png_chunk("zTXt", xmp_key + zero + "damaged"),
                             test::png_chunk("iTXt", xmp_key),
                             text(std::string("Comment\0", 8) + xmp),
                             wrong}) {
    EXPECT_EQ(test::max_difference(decoded(test::rgb_png(stored, chunks)), stored), 0);
  }
}

}  // namespace
}  // namespace glm_image::image
