#include <ctime>
#include <random>

#include "image/codec.h"
#include "image/metadata_blocks.h"
#include "image/picture_files.h"

namespace glm_image::image {
namespace {

using glm_image::test::expect_error;

struct Sample {
  std::string name, bytes;
};

std::vector<Sample> samples() {
  const auto picture = test::gradient(23, 17);
  std::vector<Sample> result = {
      {"stored.png", test::rgb_png(picture)},
      {"text.png", encode_png(picture, {{"prompt", "Wẽnd"}})},
      {"lossy.webp", image::encode_image(picture, ImageFormat::kWebp)},
      {"lossless.webp", image::encode_image(picture, ImageFormat::kWebp, {100, {}})}};
  for (const char* name : {"baseline_420.jpg",
                           "progressive_444.jpg",
                           "cmyk.jpg",
                           "turned_jpeg.jpg",
                           "turned_webp.webp",
                           "turned_png.png",
                           "palette.png",
                           "lossless_alpha.webp",
                           "animated_part.webp",
                           "animated_3_frames.webp",
                           "moving.png",
                           "orientation_xmp.png",
                           "orientation_long_be.jpg"}) {
    result.push_back({name, glm_image::test::read_file(test::picture_dir() / name)});
  }
  return result;
}

/// Returns true if decoding succeeds and false if it throws an Error about the input. Other
/// exceptions propagate.
bool decodes(const std::string& bytes, const std::string& name) {
  ImageLimits limits;
  limits.max_pixels = 1 << 20;
  try {
    const auto image = decode_image(bytes, name, limits);
    EXPECT_EQ(static_cast<int64_t>(image.pixels.size()), image.width * image.height * 3);
    return true;
  } catch (const Error& error) {
    EXPECT_TRUE(is_bad_input(error.code())) << error.what();
    EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    return false;
  }
}

TEST(HostilePicture, TruncatedAtAnyByteIsAnError) {
  for (const auto& [name, bytes] : samples()) {
    ASSERT_TRUE(decodes(bytes, name)) << name;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decodes(bytes.substr(0, size), name)) << name << " cut at " << size;
    }
  }
}

TEST(HostilePicture, ChangedBytesNeverCrash) {
  std::mt19937 random(1);
  for (const auto& [name, bytes] : samples()) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      auto changed = bytes;
      changed[at] = static_cast<char>(random());
      decodes(changed, name);
      changed[at] = static_cast<char>(~bytes[at]);
      decodes(changed, name);
    }
  }
}

TEST(HostilePicture, RandomBytesAfterASignatureNeverDecode) {
  std::mt19937 random(2);
  const std::string webp = "RIFF" + std::string("\xf0\0\0\0", 4) + "WEBPVP8 ";
  for (const auto& signature : {test::kPngSignature, std::string("\xff\xd8\xff"), webp}) {
    for (int round = 0; round < 200; ++round) {
      auto bytes = signature;
      for (int i = 0; i < 240; ++i) bytes.push_back(static_cast<char>(random()));
      EXPECT_FALSE(decodes(bytes, "random"));
    }
  }
}

TEST(HostilePicture, AHeaderWithAHugeSizeIsRefusedAtOnce) {
  const auto refuses = [](const std::string& bytes, const std::string& found) {
    expect_error(ErrorCode::kInvalidInput, {"bomb", found, "16384", "67108864"}, [&] {
      decode_image(bytes, "bomb");
    });
  };
  const auto picture = test::gradient(8, 8);
  auto png = test::rgb_png(picture);
  const auto header = test::png_header(60000, 60000, 8, test::kRgb);
  refuses(png.replace(test::kPngSignature.size(), header.size(), header), "60000×60000");
  // A phone's 108 megapixels, which are scaled by √(2^26 / (12000·9000)) = 0.78828.
  const auto photo = test::png_header(12000, 9000, 8, test::kRgb);
  refuses(png.replace(test::kPngSignature.size(), photo.size(), photo), "reduce it to 9459×7094");
  const auto line = test::png_header(60000, 1, 8, test::kRgb);
  refuses(png.replace(test::kPngSignature.size(), line.size(), line), "; crop it");

  auto jpeg = image::encode_image(picture, ImageFormat::kJpeg);
  const auto frame = jpeg.find("\xff\xc0");  // marker, length (2), precision (1), height, width
  ASSERT_NE(frame, std::string::npos);
  refuses(jpeg.replace(frame + 5, 4, test::big_endian16(60000) + test::big_endian16(60000)),
          "60000×60000");

  auto webp = image::encode_image(picture, ImageFormat::kWebp, {100, {}});
  const auto frame_size =
      webp.find("VP8L") + 9;  // after chunk size and signature: 14 bits per side
  webp.replace(frame_size, 3, "\xff\xff\xff");
  webp[frame_size + 3] = static_cast<char>(webp[frame_size + 3] | 0x0f);
  refuses(webp, "16384×16384");
}

TEST(HostilePicture, WithoutPixelsIsDamaged) {
  for (const auto& [width, height] : {std::pair(0u, 0u), std::pair(0u, 5u), std::pair(5u, 0u)}) {
    const auto bytes = test::png_file(test::png_header(width, height, 8, test::kRgb), "");
    expect_error(ErrorCode::kCorruptFile, {"empty.png"}, [&] { decode_image(bytes, "empty.png"); });
  }
  auto jpeg = image::encode_image(test::gradient(8, 8), ImageFormat::kJpeg);
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, std::string(4, '\0'));
  expect_error(ErrorCode::kCorruptFile, {"empty.jpg"}, [&] { decode_image(jpeg, "empty.jpg"); });
  expect_error(ErrorCode::kCorruptFile, {"a.png", "empty"}, [] { decode_image("", "a.png"); });
}

TEST(HostilePicture, AJpegOfManyEmptySegmentsIsRefusedAtOnce) {
  std::string bytes = "\xFF\xD8";
  for (int i = 0; i < 1000000; ++i) bytes += std::string("\xFF\xE1\0\2", 4);
  bytes += "\xFF\xD9";
  // The processor's time: other programs do not count.
  const auto began = std::clock();
  EXPECT_THROW(decode_image(bytes, "many.jpg"), Error);
  EXPECT_THROW(read_metadata_blocks(bytes, "many.jpg"), Error);
  EXPECT_LT(std::clock() - began, 2 * CLOCKS_PER_SEC);
}

TEST(HostilePicture, AJpegWithTooManyScansIsRefused) {
  const auto bytes = glm_image::test::read_file(test::picture_dir() / "progressive_444.jpg");
  const auto last_scan = bytes.rfind("\xff\xda");
  const auto end = bytes.rfind("\xff\xd9");
  auto many = bytes.substr(0, end);
  for (int i = 0; i < 150; ++i) many += bytes.substr(last_scan, end - last_scan);
  expect_error(ErrorCode::kCorruptFile, {"scans.jpg", "100 scans"}, [&] {
    decode_image(many + bytes.substr(end), "scans.jpg");
  });
}

TEST(HostilePicture, ALargeJpegOfManyScansIsRefusedBeforeItIsDecoded) {
  auto bytes = glm_image::test::read_file(test::picture_dir() / "progressive_444.jpg");
  const auto last_scan = bytes.rfind("\xff\xda");
  const auto end = bytes.rfind("\xff\xd9");
  const auto scan = bytes.substr(last_scan, end - last_scan);
  for (int i = 0; i < 20; ++i) bytes.insert(end, scan);
  // A small picture is accepted.
  EXPECT_NO_THROW(decode_image(bytes, "scans.jpg"));
  bytes.replace(bytes.find("\xff\xc2") + 5, 4, test::big_endian16(8000) + test::big_endian16(8000));
  expect_error(ErrorCode::kCorruptFile, {"scans.jpg", "at most 16 scans"}, [&] {
    decode_image(bytes, "scans.jpg");
  });
}

TEST(HostilePicture, A12BitJpegIsUnsupported) {
  auto jpeg = image::encode_image(test::gradient(8, 8), ImageFormat::kJpeg);
  const auto frame = jpeg.find("\xff\xc0");
  jpeg[frame + 1] = '\xc1';  // an extended frame, which allows 12 bits
  jpeg[frame + 4] = 12;
  expect_error(
      ErrorCode::kUnsupported, {"deep.jpg", "12"}, [&] { decode_image(jpeg, "deep.jpg"); });
}

}  // namespace
}  // namespace glm_image::image
