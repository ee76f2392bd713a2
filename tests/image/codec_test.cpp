#include "image/codec.h"

#include <sys/stat.h>

#include "image/picture_files.h"

namespace glm_image::image {
namespace {

using glm_image::test::expect_error;
using glm_image::test::read_file;
using glm_image::test::TemporaryDirectory;
using glm_image::test::write_file;

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

Image round_trip(const Image& image, ImageFormat format, int quality) {
  return decode_image(image::encode_image(image, format, {quality, {}}), "round trip");
}

/// The pixels equal Pillow's, up to one step for other releases of the codec libraries.
class PillowTest : public testing::TestWithParam<const char*> {};

TEST_P(PillowTest, HasTheSamePixels) {
  const auto path = test::picture_dir() / GetParam();
  auto expected_path = path;
  expected_path.replace_extension(".expected.png");
  EXPECT_LE(test::max_difference(read_image(path), read_image(expected_path)), 1);
}

TEST_P(PillowTest, ItsHeaderTellsItsSize) {
  const auto path = test::picture_dir() / GetParam();
  const auto file = read_file(path);
  const auto size = header_size(file, "a picture");
  const auto image = decode_image(file, "a picture");
  // The orientation may have exchanged the sides.
  EXPECT_EQ(std::minmax(size.width, size.height), std::minmax(image.width, image.height));
  expect_error(ErrorCode::kCorruptFile, {"a picture: "}, [&] {
    header_size(std::string_view(file).substr(0, 14), "a picture");
  });
}

INSTANTIATE_TEST_SUITE_P(All,
                         PillowTest,
                         testing::Values("baseline_420.jpg",
                                         "baseline_422.jpg",
                                         "progressive_444.jpg",
                                         "grey.jpg",
                                         "cmyk.jpg",
                                         "ycck.jpg",
                                         "turned_jpeg.jpg",
                                         "turned_webp.webp",
                                         "turned_png.png",
                                         "lossy.webp",
                                         "lossless_alpha.webp",
                                         "palette.png",
                                         "alpha.png",
                                         "orientation_short.jpg",
                                         "orientation_long_le.jpg",
                                         "orientation_long_be.jpg",
                                         "orientation_xmp.png",
                                         "animated.webp",
                                         "animated_lossy_alpha.webp",
                                         "animated_part.webp",
                                         "animated_1_frame.webp",
                                         "animated_3_frames.webp",
                                         "moving.png",
                                         "moving_behind_still.png",
                                         "grey16_ramp.png",
                                         "logo.webp",
                                         "logo_rgba.png",
                                         "logo_grey_alpha.png",
                                         "logo_palette_trns.png"),
                         [](const auto& tested) {
                           const std::string name = tested.param;
                           return name.substr(0, name.find('.'));
                         });

TEST(Codec, LosslessRoundTripsAreExact) {
  for (const auto& [width, height] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {1, 17}, {33, 1}, {64, 48}, {61, 37}}) {
    const auto image = test::gradient(width, height);
    EXPECT_EQ(test::max_difference(round_trip(image, ImageFormat::kPng, 95), image), 0);
    EXPECT_EQ(test::max_difference(round_trip(image, ImageFormat::kWebp, 100), image), 0);
  }
}

TEST(Codec, LossyRoundTripsStayClose) {
  Image image = test::gradient(64, 48);
  for (std::size_t i = 2; i < image.pixels.size(); i += 3) image.pixels[i] = 128;
  for (const auto format : {ImageFormat::kJpeg, ImageFormat::kWebp}) {
    EXPECT_LT(mean_difference(round_trip(image, format, 95), image), 2.0);
    EXPECT_LT(mean_difference(round_trip(image, format, 60), image), 6.0);
    const auto large = image::encode_image(image, format, {95, {}});
    const auto small = image::encode_image(image, format, {40, {}});
    EXPECT_LT(small.size(), large.size());
  }
}

TEST(Codec, JpegKeepsSmallRedDetailAtHighQuality) {
  Image image{32, 32, std::vector<uint8_t>(32 * 32 * 3, 255)};
  for (std::size_t x = 1; x < 32; x += 2) {
    for (std::size_t y = 0; y < 32; ++y) image.pixels[(y * 32 + x) * 3 + 1] = 0;
  }
  EXPECT_LT(mean_difference(round_trip(image, ImageFormat::kJpeg, 95), image), 4.0);
}

TEST(Codec, WritesTheFormatOfTheExtension) {
  const TemporaryDirectory directory;
  const auto image = test::gradient(20, 10);
  for (const char* name : {"a.png", "a.jpg", "a.JPEG", "a.WebP"}) {
    const auto path = directory.path() / name;
    image::write_image(path, image);
    EXPECT_EQ(format_from_bytes(glm_image::test::read_file(path), name), format_from_path(name));
    EXPECT_EQ(read_image(path).width, 20);
  }
}

TEST(Codec, RefusesOtherNamesUpFront) {
  for (const char* name : {"a.bmp", "a", "png", ".png", "a.png.txt", "a."}) {
    expect_error(ErrorCode::kInvalidInput, {name, ".png, .jpg, .jpeg or .webp"}, [&] {
      format_from_path(name);
    });
  }
}

TEST(Codec, RefusesToEncodeInvalidInput) {
  const auto image = test::gradient(4, 4);
  for (const int quality : {0, 101, -5}) {
    expect_error(ErrorCode::kInvalidInput, {"quality", "1 to 100"}, [&] {
      image::encode_image(image, ImageFormat::kJpeg, {quality, {}});
    });
  }
  const int64_t huge = int64_t{1} << 62;
  for (const auto& wrong : {Image{},
                            Image{4, 4, std::vector<uint8_t>(47)},
                            Image{4, 4, std::vector<uint8_t>(49)},
                            Image{-4, -4, std::vector<uint8_t>(48)},
                            Image{4, 0, {}},
                            Image{huge, 4, std::vector<uint8_t>(48)},
                            Image{4, huge, std::vector<uint8_t>(48)}}) {
    for (const auto format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
      expect_error(
          ErrorCode::kInvalidInput, {"RGB pixels"}, [&] { image::encode_image(wrong, format); });
    }
  }
  const Image long_line{70000, 1, std::vector<uint8_t>(70000 * 3)};
  expect_error(ErrorCode::kInvalidInput, {"70000", "65500"}, [&] {
    image::encode_image(long_line, ImageFormat::kJpeg);
  });
  expect_error(ErrorCode::kInvalidInput, {"70000", "16383"}, [&] {
    image::encode_image(long_line, ImageFormat::kWebp);
  });
}

TEST(Codec, RefusesPathsThatAreNotFiles) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "a.png";
  expect_error(ErrorCode::kNotFound, {path.string(), "No such file"}, [&] { read_image(path); });
  expect_error(ErrorCode::kInvalidInput, {directory.path().string(), "directory"}, [&] {
    read_image(directory.path());
  });
  expect_error(
      ErrorCode::kInvalidInput, {"/dev/zero", "regular"}, [&] { read_image("/dev/zero"); });
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  expect_error(ErrorCode::kInvalidInput, {path.string(), "regular"}, [&] { read_image(path); });
}

TEST(Codec, EnforcesTheLimits) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "a.png";
  for (const auto format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    const auto bytes = image::encode_image(test::gradient(40, 30), format);
    write_file(path, bytes);
    ImageLimits limits{40, 1200, static_cast<int64_t>(bytes.size())};
    EXPECT_EQ(read_image(path, limits).width, 40);
    limits.max_side = 39;
    expect_error(ErrorCode::kInvalidInput, {path.string(), "40×30", "39 a side"}, [&] {
      read_image(path, limits);
    });
    limits = {40, 1199, static_cast<int64_t>(bytes.size())};
    expect_error(ErrorCode::kInvalidInput, {path.string(), "40×30", "1199 in total"}, [&] {
      read_image(path, limits);
    });
    limits = {40, 1200, static_cast<int64_t>(bytes.size()) - 1};
    expect_error(ErrorCode::kInvalidInput,
                 {path.string(), std::to_string(bytes.size()), std::to_string(bytes.size() - 1)},
                 [&] { read_image(path, limits); });
  }
}

TEST(Codec, NamesFormatsThatItCannotRead) {
  const auto refuses = [](const std::string& bytes, const std::string& reason) {
    expect_error(ErrorCode::kUnsupported, {"a.png", reason}, [&] { decode_image(bytes, "a.png"); });
  };
  refuses("GIF89a", "GIF");
  refuses("BM....", "BMP");
  refuses(std::string("II*\0", 4), "TIFF");
  refuses(std::string("\0\0\0\x18", 4) + "ftypheic", "HEIC");
  refuses(std::string("\0\0\0\x1c", 4) + "ftypavif", "AVIF");
  refuses(std::string("RIFF\x24\0\0\0WAVE", 12), "not a PNG, JPEG or WebP");
  refuses("plain text", "not a PNG, JPEG or WebP");
  for (const char* page : {"<!DOCTYPE html>\n<html>",
                           "\xEF\xBB\xBF\r\n <HTML lang=\"fr\">",
                           "<!-- saved from url -->\n<html>",
                           "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\">"}) {
    refuses(page, ": is a web page, not a picture; download the picture itself");
  }
  refuses("<svg><foreignObject><html></html></foreignObject></svg>", "SVG");
  refuses("A text about <html>", "not a PNG, JPEG or WebP");
}

TEST(Codec, WarnsAboutAnimations) {
  const struct {
    const char* name;
    std::vector<const char*> words;
  } cases[] = {{"animated_1_frame.webp", {"WebP", "frames: 1", "first frame"}},
               {"animated_3_frames.webp", {"WebP", "frames: 3", "first frame"}},
               {"moving.png", {"PNG", "frames: 3", "first frame"}},
               {"moving_behind_still.png", {"PNG", "frames: 2", "still picture"}}};
  for (const auto& [name, words] : cases) {
    Warnings warnings;
    read_image(test::picture_dir() / name, {}, &warnings);
    ASSERT_EQ(warnings.size(), 1U) << name;
    EXPECT_NE(warnings[0].find(name), std::string::npos) << warnings[0];
    for (const char* word : words)
      EXPECT_NE(warnings[0].find(word), std::string::npos) << warnings[0];
  }
  for (const char* still : {"alpha.png", "lossy.webp", "lossless_alpha.webp", "baseline_420.jpg"}) {
    Warnings warnings;
    read_image(test::picture_dir() / still, {}, &warnings);
    EXPECT_TRUE(warnings.empty()) << still;
  }
}

}  // namespace
}  // namespace glm_image::image
