#include "image/exif_orientation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

namespace glm_image::image {
namespace {

using namespace std::string_view_literals;

constexpr uint64_t kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;
constexpr std::size_t kInlineBytes = 4;

/// The field types of TIFF 6.0, and IFD and LONG8 of its supplements.
enum FieldType : uint64_t {
  kByte = 1,
  kAscii,
  kShort,
  kLong,
  kRational,
  kSignedByte,
  kUndefined,
  kSignedShort,
  kSignedLong,
  kSignedRational,
  kFloat,
  kDouble,
  kIfd,
  kLong8 = 16,
};

/// 0 for an unknown type.
std::size_t bytes_of(uint64_t type) {
  switch (type) {
    case kByte:
    case kAscii:
    case kSignedByte:
    case kUndefined:
      return 1;
    case kShort:
    case kSignedShort:
      return 2;
    case kLong:
    case kSignedLong:
    case kFloat:
    case kIfd:
      return 4;
    case kRational:
    case kSignedRational:
    case kDouble:
    case kLong8:
      return 8;
    default:
      return 0;
  }
}

/// Numbers in the byte order that the block names; nothing where the block ends before.
class TiffNumbers {
 public:
  TiffNumbers(std::string_view bytes, bool little_endian)
      : bytes_(bytes), little_endian_(little_endian) {}

  bool has(std::size_t offset, std::size_t size) const {
    return offset <= bytes_.size() && bytes_.size() - offset >= size;
  }

  /// Of at most 8 bytes.
  std::optional<uint64_t> read(std::size_t offset, std::size_t size) const {
    if (!has(offset, size)) return std::nullopt;
    uint64_t value = 0;
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

template <typename Number, typename Bits>
double number_of(Bits bits) {
  static_assert(sizeof(Number) == sizeof(Bits));
  Number number;
  std::memcpy(&number, &bits, sizeof number);
  return static_cast<double>(number);
}

/// The first value of a field that lies within the block; NaN where it is no number.
double first_value(const TiffNumbers& numbers, uint64_t type, std::size_t at) {
  const auto bits = numbers.read(at, bytes_of(type)).value_or(0);
  const auto ratio = [](double numerator, double denominator) {
    return denominator == 0 ? std::nan("") : numerator / denominator;
  };
  const auto half = [&](std::size_t offset) {
    return static_cast<uint32_t>(numbers.read(at + offset, 4).value_or(0));
  };
  switch (type) {
    case kShort:
    case kLong:
    case kIfd:
    case kLong8:
      return static_cast<double>(bits);
    case kSignedByte:
      return static_cast<int8_t>(bits);
    case kSignedShort:
      return static_cast<int16_t>(bits);
    case kSignedLong:
      return static_cast<int32_t>(bits);
    case kRational:
      return ratio(half(0), half(4));
    case kSignedRational:
      return ratio(static_cast<int32_t>(half(0)), static_cast<int32_t>(half(4)));
    case kFloat:
      return number_of<float>(static_cast<uint32_t>(bits));
    case kDouble:
      return number_of<double>(bits);
    default:  // bytes and texts, which Pillow does not take for numbers either
      return std::nan("");
  }
}

/// What Pillow finds with the expression tiff:Orientation(="|>)([0-9]), in either form of XMP.
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

std::optional<int> exif_orientation(std::string_view block) {
  // Some writers leave JPEG's name before the block in other files.
  while (block.substr(0, kExifName.size()) == kExifName) block.remove_prefix(kExifName.size());
  const bool little_endian = block.substr(0, 2) == "II";
  if (!little_endian && block.substr(0, 2) != "MM") return std::nullopt;
  const TiffNumbers numbers(block, little_endian);
  // Some writers store the magic number in the other byte order.
  const auto magic = numbers.read(2, 2);
  if (magic != 42 && magic != 42 << 8) return std::nullopt;
  const auto directory = numbers.read(4, 4);
  if (!directory) return std::nullopt;
  const auto entries = numbers.read(*directory, 2).value_or(0);
  std::optional<int> found;
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = *directory + 2 + i * kEntryBytes;
    if (!numbers.has(entry, kEntryBytes)) break;
    const auto tag = *numbers.read(entry, 2), type = *numbers.read(entry + 2, 2);
    const std::size_t bytes = *numbers.read(entry + 4, 4) * bytes_of(type);
    if (bytes == 0) continue;
    std::size_t value = entry + 8;
    if (bytes > kInlineBytes) value = *numbers.read(value, 4);
    if (!numbers.has(value, bytes)) break;
    // Of several the last counts.
    if (tag == kOrientationTag) found = known_orientation(first_value(numbers, type, value));
  }
  return found;
}

int orientation_of(const OrientationNotes& notes) {
  if (const auto orientation = exif_orientation(notes.exif)) return *orientation;
  return known_orientation(xmp_orientation(notes.xmp).value_or(1));
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
