#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "image/image_format.h"
#include "image/image_limits.h"
#include "image/png_codec.h"

namespace glm_image::image {

/// Decodes a PNG, JPEG or WebP file, told apart by its first bytes. `name` stands for the file in
/// messages.
///
/// The pixels are those of Pillow's Image.convert("RGB"), which the reference uses:
///  - an alpha channel or a transparent colour is dropped, not blended: the colour stored under a
///    transparent pixel shows;
///  - grey is repeated in all channels, and palettes are looked up;
///  - of 16 bits the upper 8 are kept, except for 16-bit grey without alpha, of which Pillow keeps
///    the lower end and clips the rest to white: it is scaled to 8 bits;
///  - CMYK and YCCK are taken as Adobe's inverted ones, and multiplied out without a colour
///  profile;
///  - gamma and colour profiles are ignored.
/// A picture that an Exif or XMP note calls turned or mirrored, as phones make them, is turned
/// upright. Of an animated WebP or PNG the first frame is taken, and `warnings` says so.
///
/// Throws before any pixel is held: kCorruptFile for an empty or damaged file, kUnsupported for
/// another format or a rare kind (12-bit JPEG), kInvalidInput for more pixels than
/// `limits` allow. A file that ends too early is damaged, even when only its end marker is missing.
Image decode_image(std::string_view bytes,
                   const std::string& name,
                   const ImageLimits& limits = {},
                   Warnings* warnings = nullptr);

/// The same for a file. Throws kNotFound when it cannot be opened, kInvalidInput when it is not a
/// regular file or larger than `limits` allow.
Image read_image(const std::filesystem::path& path,
                 const ImageLimits& limits = {},
                 Warnings* warnings = nullptr);

struct EncodeOptions {
  int quality = 95;  ///< 1 … 100, of JPEG and WebP; WebP is lossless at 100
  PngText text;      ///< in PNG only; other formats do not carry it
};

/// Throws kInvalidInput for a quality outside 1 … 100, a picture too large for the format, or what
/// encode_png says of the text.
std::string encode_image(const Image& image, ImageFormat format, const EncodeOptions& options = {});

/// Encodes in the format that the name asks for (format_from_path) and writes atomically. Throws
/// kOutput when it cannot be written, and what encode_image throws.
void write_image(const std::filesystem::path& path,
                 const Image& image,
                 const EncodeOptions& options = {});

}  // namespace glm_image::image
