#pragma once

#include <string>
#include <string_view>

namespace glm_image::image {

/// The name of an Exif block in a JPEG segment.
inline constexpr std::string_view kExifName("Exif\0\0", 6);
/// The name of an XMP packet in a JPEG segment.
inline constexpr std::string_view kXmpName("http://ns.adobe.com/xap/1.0/\0", 29);
/// The keyword of an XMP packet in a PNG file.
inline constexpr const char* kPngXmpKeyword = "XML:com.adobe.xmp";

/// The blocks of metadata that every format has a place for; empty if a file has none.
struct MetadataBlocks {
  std::string exif;  ///< in the format of a TIFF file
  std::string xmp;   ///< an XMP packet
};

/// Returns the blocks of a PNG, JPEG or WebP file without decoding its pixels. Throws as
/// decode_image does, but does not notice damaged pixels.
MetadataBlocks read_metadata_blocks(std::string_view bytes, const std::string& name);

}  // namespace glm_image::image
