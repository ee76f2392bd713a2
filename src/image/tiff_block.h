#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace glm_image::image {

/// Field types of TIFF 6.0, and IFD and LONG8 of its supplements.
enum TiffType : uint64_t {
  kTiffByte = 1,
  kTiffAscii,
  kTiffShort,
  kTiffLong,
  kTiffRational,
  kTiffSignedByte,
  kTiffUndefined,
  kTiffSignedShort,
  kTiffSignedLong,
  kTiffSignedRational,
  kTiffFloat,
  kTiffDouble,
  kTiffIfd,
  kTiffLong8 = 16,
};

/// A field of a directory. Its values lie within the block.
struct TiffField {
  uint64_t tag;
  uint64_t type;
  std::size_t offset;  ///< of the first value
  std::size_t size;    ///< of all values, in bytes
};

/// Reads an Exif block, which has the format of a TIFF file.
class TiffBlock {
 public:
  /// Returns std::nullopt unless the block begins as a TIFF file. Keeps a reference to its bytes.
  static std::optional<TiffBlock> open(std::string_view bytes);

  /// Reads a number of at most 8 bytes in the block's byte order. Returns std::nullopt beyond the
  /// end of the block.
  std::optional<uint64_t> read(std::size_t offset, std::size_t size) const;
  std::string_view bytes_of(const TiffField& field) const {
    return bytes_.substr(field.offset, field.size);
  }
  bool is_little_endian() const { return little_endian_; }

  /// The fields of the first directory.
  std::vector<TiffField> fields() const;
  /// The fields of the directory at `offset`. The list ends before a field that is not within the
  /// block; fields without values or of an unknown type are left out.
  std::vector<TiffField> fields(std::size_t offset) const;

 private:
  TiffBlock(std::string_view bytes, bool little_endian)
      : bytes_(bytes), little_endian_(little_endian) {}
  bool has(std::size_t offset, std::size_t size) const {
    return offset <= bytes_.size() && bytes_.size() - offset >= size;
  }

  std::string_view bytes_;
  bool little_endian_;
};

/// Bytes of one value; 0 for an unknown type.
std::size_t tiff_value_bytes(uint64_t type);

}  // namespace glm_image::image
