#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "glm_image/request.h"
#include "image/image_format.h"
#include "image/image_limits.h"
#include "image/metadata_blocks.h"
#include "image/png_codec.h"

namespace glm_image::image {

/// Decodes a PNG, JPEG or WebP file; its first bytes determine the format. `name` is the file's
/// name in messages.
///
/// The pixels are those of Pillow's Image.convert("RGB"), which the reference uses:
///  - an alpha channel or a transparent colour is dropped, not blended: the colour stored under a
///    transparent pixel shows;
///  - grey is repeated in all channels, and palettes are looked up;
///  - 16-bit samples keep their upper 8 bits. Exception: 16-bit grey without alpha is scaled to 8
///    bits, where Pillow clips every value above 255 to white;
///  - CMYK and YCCK are assumed to be inverted, as Adobe writes them, and are converted without a
///    colour profile;
///  - gamma and colour profiles are ignored.
/// The orientation in Exif or XMP metadata, which phones write, is applied. Of an animated WebP or
/// PNG the first frame is used, with a warning in `warnings`.
///
/// Throws kCorruptFile for an empty or damaged file, kUnsupported for another format or a rare
/// variant (12-bit JPEG), and kInvalidInput, before memory for pixels is allocated, for more pixels
/// than `limits` allow. A truncated file is damaged, even if only its end marker is missing.
Image decode_image(std::string_view bytes,
                   const std::string& name,
                   const ImageLimits& limits = {},
                   Warnings* warnings = nullptr);

/// The size of decode_image's picture by its header, before the orientation in its metadata is
/// applied. Decodes no pixels. Throws as decode_image does for a damaged header or another format.
PictureSize header_size(std::string_view bytes, const std::string& name);

/// As decode_image, for a file. Throws kNotFound if it cannot be opened, kInvalidInput if it is not
/// a regular file or is larger than `limits` allow.
Image read_image(const std::filesystem::path& path,
                 const ImageLimits& limits = {},
                 Warnings* warnings = nullptr);

struct EncodeOptions {
  int quality = kDefaultImageQuality;  ///< 1 … 100, for JPEG and WebP; WebP is lossless at 100
  PngText text;                        ///< written to PNG files only
  /// A PNG file takes the XMP packet only.
  MetadataBlocks blocks = {};
};

/// Throws kInvalidInput for a quality outside 1 … 100, a picture too large for the format, or a
/// text or block that the format cannot hold.
std::string encode_image(const Image& image, ImageFormat format, const EncodeOptions& options = {});

/// Encodes in the format of the file's extension (format_from_path) and writes atomically. Throws
/// kOutput if it cannot be written, and as encode_image does.
void write_image(const std::filesystem::path& path,
                 const Image& image,
                 const EncodeOptions& options = {});

}  // namespace glm_image::image
