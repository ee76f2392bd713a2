#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "glm_image/image.h"
#include "support/test_support.h"

/// Pictures and hand-made PNG files, so that no codec tests itself.
namespace glm_image::image::test {

inline std::filesystem::path picture_dir() {
  return glm_image::test::data_dir().parent_path() / "image" / "data";
}

/// Smooth red and green channels, and a noisy blue one.
inline Image gradient(int64_t width, int64_t height) {
  Image image{width, height, {}};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      image.pixels.push_back(static_cast<uint8_t>(x * 255 / std::max<int64_t>(width - 1, 1)));
      image.pixels.push_back(static_cast<uint8_t>(y * 255 / std::max<int64_t>(height - 1, 1)));
      image.pixels.push_back(static_cast<uint8_t>(x * y * 5));
    }
  }
  return image;
}

inline int max_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.pixels.size() != b.pixels.size()) return 256;
  int result = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    result = std::max(result, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return result;
}

inline std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

inline std::string big_endian16(uint32_t value) {
  return big_endian(value).substr(2);
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  uint32_t crc = 0xFFFFFFFF;
  for (const char byte : checked) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return big_endian(static_cast<uint32_t>(data.size())) + checked + big_endian(~crc);
}

/// The checksum at the end of a zlib stream.
inline std::string adler32(const std::string& data) {
  uint32_t a = 1, b = 0;
  for (const char byte : data) {
    a = (a + static_cast<uint8_t>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  return big_endian(b << 16 | a);
}

/// A zlib stream with uncompressed data.
inline std::string zlib_stored(const std::string& data) {
  std::string out("\x78\x01", 2);
  constexpr std::size_t kBlock = 65535;
  std::size_t begin = 0;
  do {
    const auto block = data.substr(begin, kBlock);
    begin += block.size();
    const auto size = static_cast<uint32_t>(block.size());
    out.push_back(begin == data.size() ? '\1' : '\0');
    for (const uint32_t number : {size, ~size}) {
      out.push_back(static_cast<char>(number));
      out.push_back(static_cast<char>(number >> 8));
    }
    out += block;
  } while (begin < data.size());
  return out + adler32(data);
}

inline const std::string kPngSignature = "\x89PNG\r\n\x1a\n";

/// PNG's colour types.
enum PngColor { kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgba = 6 };

inline std::string png_header(
    uint32_t width, uint32_t height, int depth, PngColor color, bool interlaced = false) {
  const std::string rest = {static_cast<char>(depth),
                            static_cast<char>(color),
                            /*compression=*/0,
                            /*filter=*/0,
                            static_cast<char>(interlaced)};
  return png_chunk("IHDR", big_endian(width) + big_endian(height) + rest);
}

/// `rows` has filter bytes and samples, uncompressed; `before_rows` has complete chunks.
inline std::string png_file(const std::string& header,
                            const std::string& rows,
                            const std::string& before_rows = "") {
  return kPngSignature + header + before_rows + png_chunk("IDAT", zlib_stored(rows)) +
         png_chunk("IEND", "");
}

/// An RGB file of `image`. `before_rows` has complete chunks.
inline std::string rgb_png(const Image& image, const std::string& before_rows = "") {
  std::string rows;
  const std::string pixels(image.pixels.begin(), image.pixels.end());
  const auto row_bytes = static_cast<std::size_t>(image.width * 3);
  for (std::size_t at = 0; at < pixels.size(); at += row_bytes) {
    rows += '\0' + pixels.substr(at, row_bytes);
  }
  const auto width = static_cast<uint32_t>(image.width);
  const auto height = static_cast<uint32_t>(image.height);
  return png_file(png_header(width, height, 8, kRgb), rows, before_rows);
}

}  // namespace glm_image::image::test
