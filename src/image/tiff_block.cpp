#include "image/tiff_block.h"

#include "image/metadata_blocks.h"

namespace glm_image::image {
namespace {

constexpr std::size_t kEntryBytes = 12;
constexpr std::size_t kInlineBytes = 4;

}  // namespace

std::size_t tiff_value_bytes(uint64_t type) {
  switch (type) {
    case kTiffByte:
    case kTiffAscii:
    case kTiffSignedByte:
    case kTiffUndefined:
      return 1;
    case kTiffShort:
    case kTiffSignedShort:
      return 2;
    case kTiffLong:
    case kTiffSignedLong:
    case kTiffFloat:
    case kTiffIfd:
      return 4;
    case kTiffRational:
    case kTiffSignedRational:
    case kTiffDouble:
    case kTiffLong8:
      return 8;
    default:
      return 0;
  }
}

std::optional<TiffBlock> TiffBlock::open(std::string_view bytes) {
  // Some writers put JPEG's segment name before the block in other formats, too.
  while (bytes.substr(0, kExifName.size()) == kExifName) bytes.remove_prefix(kExifName.size());
  const bool little_endian = bytes.substr(0, 2) == "II";
  if (!little_endian && bytes.substr(0, 2) != "MM") return std::nullopt;
  const TiffBlock block(bytes, little_endian);
  // Some writers store the magic number in the other byte order.
  const auto magic = block.read(2, 2);
  if (magic != 42 && magic != 42 << 8) return std::nullopt;
  return block;
}

std::optional<uint64_t> TiffBlock::read(std::size_t offset, std::size_t size) const {
  if (!has(offset, size)) return std::nullopt;
  uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t position = offset + (little_endian_ ? size - 1 - i : i);
    value = value << 8 | static_cast<uint8_t>(bytes_[position]);
  }
  return value;
}

std::vector<TiffField> TiffBlock::fields() const {
  const auto directory = read(4, 4);
  return directory ? fields(*directory) : std::vector<TiffField>();
}

std::vector<TiffField> TiffBlock::fields(std::size_t offset) const {
  std::vector<TiffField> fields;
  const auto entries = read(offset, 2).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = offset + 2 + i * kEntryBytes;
    if (!has(entry, kEntryBytes)) break;
    TiffField field = {};
    field.tag = *read(entry, 2);
    field.type = *read(entry + 2, 2);
    field.size = *read(entry + 4, 4) * tiff_value_bytes(field.type);
    if (field.size == 0) continue;
    field.offset = field.size > kInlineBytes ? *read(entry + 8, 4) : entry + 8;
    if (!has(field.offset, field.size)) break;
    fields.push_back(field);
  }
  return fields;
}

}  // namespace glm_image::image
