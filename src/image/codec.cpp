#include "image/codec.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "glm_image/limits.h"
#include "image/file_bytes.h"
#include "image/jpeg_codec.h"
#include "image/webp_codec.h"

namespace glm_image::image {

Image decode_image(std::string_view bytes,
                   const std::string& name,
                   const ImageLimits& limits,
                   Warnings* warnings) {
  switch (format_from_bytes(bytes, name)) {
    case ImageFormat::kPng:
      return decode_png(bytes, name, limits, warnings);
    case ImageFormat::kJpeg:
      return decode_jpeg(bytes, name, limits);
    case ImageFormat::kWebp:
      return decode_webp(bytes, name, limits, warnings);
  }
  fail(ErrorCode::kInternal, "unknown picture format");
}

PictureSize header_size(std::string_view bytes, const std::string& name) {
  switch (format_from_bytes(bytes, name)) {
    case ImageFormat::kPng:
      return png_header_size(bytes, name);
    case ImageFormat::kJpeg:
      return jpeg_header_size(bytes, name);
    case ImageFormat::kWebp:
      return webp_header_size(bytes, name);
  }
  fail(ErrorCode::kInternal, "unknown picture format");
}

Image read_image(const std::filesystem::path& path, const ImageLimits& limits, Warnings* warnings) {
  const auto bytes = read_file_bytes(path, limits.max_file_bytes);
  return decode_image(bytes, path.string(), limits, warnings);
}

std::string encode_image(const Image& image, ImageFormat format, const EncodeOptions& options) {
  if (options.quality < limits::kMinQuality || options.quality > limits::kMaxQuality) {
    fail(ErrorCode::kInvalidInput,
         "the quality must be from ",
         limits::kMinQuality,
         " to ",
         limits::kMaxQuality,
         ", found ",
         options.quality);
  }
  switch (format) {
    case ImageFormat::kPng:
      return encode_png(image, options.text, options.blocks.xmp);
    case ImageFormat::kJpeg:
      return encode_jpeg(image, options.quality, options.blocks);
    case ImageFormat::kWebp:
      return encode_webp(image, options.quality, options.blocks);
  }
  fail(ErrorCode::kInternal, "unknown picture format");
}

void write_image(const std::filesystem::path& path,
                 const Image& image,
                 const EncodeOptions& options) {
  write_file_atomically(path, encode_image(image, format_from_path(path), options));
}

}  // namespace glm_image::image
