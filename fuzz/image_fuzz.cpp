// A hostile picture file, read for its pixels and for its texts.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "glm_image/error.h"
#include "image/codec.h"
#include "image/exif_comment.h"
#include "text/unicode.h"

namespace {

using namespace glm_image;

uint32_t big_endian(std::string_view four_bytes) {
  uint32_t value = 0;
  for (const char byte : four_bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

/// The same chunks with right checksums: mutations would hardly ever get past wrong ones.
std::string with_png_checksums(std::string file) {
  constexpr std::size_t kSignature = 8, kSize = 4, kType = 4, kChecksum = 4;
  std::size_t at = kSignature;
  while (at + kSize + kType + kChecksum <= file.size()) {
    const std::size_t room = file.size() - at - kSize - kType - kChecksum;
    const std::size_t size = big_endian(std::string_view(file).substr(at, kSize));
    if (size > room) break;
    const auto* checked = reinterpret_cast<const Bytef*>(&file[at + kSize]);
    const auto checksum = crc32_z(0, checked, kType + size);
    at += kSize + kType + size;
    for (int shift = 24; shift >= 0; shift -= 8) file[at++] = static_cast<char>(checksum >> shift);
  }
  return file;
}

void read_pixels(std::string_view bytes) {
  image::ImageLimits limits;
  limits.max_side = 2048;
  limits.max_pixels = 1 << 18;
  try {
    const auto picture = image::decode_image(bytes, "fuzz", limits);
    const bool within = picture.width > 0 && picture.height > 0 && picture.width <= 2048 &&
                        picture.height <= 2048 && picture.width * picture.height <= 1 << 18;
    if (!within ||
        static_cast<int64_t>(picture.pixels.size()) != picture.width * picture.height * 3)
      std::abort();
  } catch (const Error&) {
  }
}

/// A text that was read can be written, and read again as the same.
void read_texts(std::string_view bytes) {
  try {
    auto texts = image::read_png_text(bytes, "fuzz");
    for (auto& [keyword, text] : texts) keyword = "k";
    const auto copy = image::encode_png({1, 1, {1, 2, 3}}, texts);
    if (image::read_png_text(copy, "copy") != texts) std::abort();
  } catch (const Error&) {
  }
}

/// Metadata that was read can be written, and read again as the same.
void read_metadata(std::string_view bytes) {
  try {
    image::EncodeOptions options;
    options.blocks = image::read_metadata_blocks(bytes, "fuzz");
    const auto comment = image::exif_comment(options.blocks.exif);
    for (const auto format : {image::ImageFormat::kJpeg, image::ImageFormat::kWebp}) {
      const auto copy = image::encode_image({1, 1, {1, 2, 3}}, format, options);
      const auto blocks = image::read_metadata_blocks(copy, "copy");
      if (blocks.exif != options.blocks.exif || blocks.xmp != options.blocks.xmp) std::abort();
    }
    if (comment && text::first_invalid_utf8(*comment)) std::abort();
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read_pixels(bytes);
  read_metadata(bytes);
  if (bytes.substr(0, 4) == "\x89PNG") {
    const auto repaired = with_png_checksums(bytes);
    read_pixels(repaired);
    read_texts(repaired);
  }
  return 0;
}
