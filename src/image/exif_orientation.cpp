#include "image/exif_orientation.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace glm_image::image {
namespace {

constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShortType = 3;
constexpr std::size_t kEntryBytes = 12;

/// Numbers in the byte order that the block names; nothing where the block ends before.
class TiffNumbers {
 public:
  TiffNumbers(std::string_view bytes, bool little_endian)
      : bytes_(bytes), little_endian_(little_endian) {}

  std::optional<uint32_t> read(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return std::nullopt;
    uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t position = offset + (little_endian_ ? size - 1 - i : i);
      value = value << 8 | static_cast<uint8_t>(bytes_[position]);
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool little_endian_;
};

struct PixelPosition {
  int64_t x, y;
};

/// Where the pixel that is seen at (x, y) lies in a stored picture of width×height.
PixelPosition stored_position(
    int orientation, int64_t x, int64_t y, int64_t width, int64_t height) {
  const int64_t right = width - 1, bottom = height - 1;
  switch (orientation) {
    case 2:
      return {right - x, y};
    case 3:
      return {right - x, bottom - y};
    case 4:
      return {x, bottom - y};
    case 5:
      return {y, x};
    case 6:
      return {y, bottom - x};
    case 7:
      return {right - y, bottom - x};
    case 8:
      return {right - y, x};
    default:
      return {x, y};
  }
}

}  // namespace

int exif_orientation(std::string_view tiff) {
  const bool little_endian = tiff.substr(0, 2) == "II";
  if (!little_endian && tiff.substr(0, 2) != "MM") return 1;
  const TiffNumbers numbers(tiff, little_endian);
  if (numbers.read(2, 2) != 42) return 1;
  const auto directory = numbers.read(4, 4);
  if (!directory) return 1;
  const auto entries = numbers.read(*directory, 2);
  for (std::size_t i = 0; i < entries.value_or(0); ++i) {
    const std::size_t entry = std::size_t{*directory} + 2 + i * kEntryBytes;
    if (numbers.read(entry, 2) != kOrientationTag) continue;
    const auto value = numbers.read(entry + 8, 2);
    const bool known = numbers.read(entry + 2, 2) == kShortType && value >= 1u && value <= 8u;
    return known ? static_cast<int>(*value) : 1;
  }
  return 1;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  Image seen;
  seen.width = image.width;
  seen.height = image.height;
  if (orientation >= 5) std::swap(seen.width, seen.height);
  seen.pixels.resize(image.pixels.size());
  auto* pixel = seen.pixels.data();
  for (int64_t y = 0; y < seen.height; ++y) {
    for (int64_t x = 0; x < seen.width; ++x, pixel += 3) {
      const auto stored = stored_position(orientation, x, y, image.width, image.height);
      std::copy_n(&image.pixels[(stored.y * image.width + stored.x) * 3], 3, pixel);
    }
  }
  return seen;
}

}  // namespace glm_image::image
