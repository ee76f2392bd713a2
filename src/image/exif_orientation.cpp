#include "image/exif_orientation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#include "image/tiff_block.h"

namespace glm_image::image {
namespace {

using namespace std::string_view_literals;

constexpr uint64_t kOrientationTag = 0x0112;

template <typename Number, typename Bits>
double number_of(Bits bits) {
  static_assert(sizeof(Number) == sizeof(Bits));
  Number number;
  std::memcpy(&number, &bits, sizeof number);
  return static_cast<double>(number);
}

/// The first value of a field; NaN if it is not a number.
double first_value(const TiffBlock& block, const TiffField& field) {
  const auto bits = block.read(field.offset, tiff_value_bytes(field.type)).value_or(0);
  const auto ratio = [](double numerator, double denominator) {
    return denominator == 0 ? std::nan("") : numerator / denominator;
  };
  const auto half = [&](std::size_t offset) {
    return static_cast<uint32_t>(block.read(field.offset + offset, 4).value_or(0));
  };
  switch (field.type) {
    case kTiffShort:
    case kTiffLong:
    case kTiffIfd:
    case kTiffLong8:
      return static_cast<double>(bits);
    case kTiffSignedByte:
      return static_cast<int8_t>(bits);
    case kTiffSignedShort:
      return static_cast<int16_t>(bits);
    case kTiffSignedLong:
      return static_cast<int32_t>(bits);
    case kTiffRational:
      return ratio(half(0), half(4));
    case kTiffSignedRational:
      return ratio(static_cast<int32_t>(half(0)), static_cast<int32_t>(half(4)));
    case kTiffFloat:
      return number_of<float>(static_cast<uint32_t>(bits));
    case kTiffDouble:
      return number_of<double>(bits);
    default:  // bytes and texts, which Pillow does not read as numbers either
      return std::nan("");
  }
}

/// Finds what Pillow's expression tiff:Orientation(="|>)([0-9]) matches, in either form of XMP.
std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr auto kName = "tiff:Orientation"sv;
  for (auto at = xmp.find(kName); at != std::string_view::npos; at = xmp.find(kName, at)) {
    at += kName.size();
    for (const auto opening : {"=\""sv, ">"sv}) {
      if (xmp.substr(at, opening.size()) != opening) continue;
      const auto digit = xmp.substr(at + opening.size(), 1);
      if (!digit.empty() && digit[0] >= '0' && digit[0] <= '9') return digit[0] - '0';
    }
  }
  return std::nullopt;
}

int known_orientation(double value) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    if (value == orientation) return orientation;
  }
  return 1;
}

struct PixelPosition {
  int64_t x, y;
};

/// The position, in a stored picture of width×height, of the pixel that is shown at (x, y).
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

std::optional<int> exif_orientation(std::string_view bytes) {
  const auto block = TiffBlock::open(bytes);
  if (!block) return std::nullopt;
  std::optional<int> found;
  for (const auto& field : block->fields()) {
    // The last of several tags is used.
    if (field.tag == kOrientationTag) found = known_orientation(first_value(*block, field));
  }
  return found;
}

int orientation_of(const MetadataBlocks& blocks) {
  if (const auto orientation = exif_orientation(blocks.exif)) return *orientation;
  return known_orientation(xmp_orientation(blocks.xmp).value_or(1));
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
