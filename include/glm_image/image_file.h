#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "glm_image/image.h"

/// Reading and writing of pictures in files. glm_image/picture_file.h writes generated pictures,
/// with their parameters and the mark that they were generated.
namespace glm_image {

enum class ImageFormat { kPng, kJpeg, kWebp };

/// Larger pictures are refused before memory for their pixels is allocated.
inline constexpr int64_t kMaxImageSide = 16384;
inline constexpr int64_t kMaxImagePixels = int64_t{64} << 20;

/// Quality of JPEG and WebP files, 1 to 100. WebP is lossless at 100.
inline constexpr int kDefaultImageQuality = 95;

/// Reads a PNG, JPEG or WebP file; its first bytes determine the format. The pixels are those of
/// Pillow's Image.convert("RGB"), turned upright as Exif or XMP metadata say. Of an animated
/// picture the first frame is used. `warnings` takes one sentence for every such choice.
///
/// Throws Error: kNotFound if the file cannot be opened; kInvalidInput if it is not a regular file,
/// is larger than 256 MiB or has more pixels than kMaxImageSide and kMaxImagePixels allow;
/// kCorruptFile for an empty, damaged or truncated file; kUnsupported for another format.
Image read_image(const std::filesystem::path& path, std::vector<std::string>* warnings = nullptr);

/// As read_image, for the bytes of a file. `name` is its name in messages.
Image decode_image(std::string_view bytes,
                   const std::string& name,
                   std::vector<std::string>* warnings = nullptr);

/// Returns the bytes of a file in this format, without metadata. Throws Error: kInvalidInput for
/// another quality than 1 to 100, a number of pixels that does not match the size, or a picture
/// too large for the format.
std::string encode_image(const Image& image,
                         ImageFormat format,
                         int quality = kDefaultImageQuality);

/// As encode_image, in the format of the name's extension (.png, .jpg, .jpeg, .webp). The file
/// appears whole or not at all. Also throws kInvalidInput for another extension and kOutput if the
/// file cannot be written.
void write_image(const std::filesystem::path& path,
                 const Image& image,
                 int quality = kDefaultImageQuality);

}  // namespace glm_image
