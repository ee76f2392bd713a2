#include "image/webp_codec.h"

#include <webp/decode.h>
#include <webp/encode.h>

#include <memory>
#include <utility>

#include "core/error.h"
#include "image/exif_orientation.h"

namespace glm_image::image {
namespace {

using namespace std::string_view_literals;

constexpr int kLosslessQuality = 100;
constexpr std::size_t kRiffHeaderBytes = 12;
constexpr std::size_t kChunkHeaderBytes = 8;

void check_status(VP8StatusCode status, const std::string& name) {
  switch (status) {
    case VP8_STATUS_OK:
      return;
    case VP8_STATUS_OUT_OF_MEMORY:
      fail(ErrorCode::kOutOfMemory, name, ": not enough memory to decode it");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      fail(ErrorCode::kUnsupported, name, ": is a kind of WebP file that cannot be read");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      fail(ErrorCode::kCorruptFile, name, ": is a damaged WebP file: it ends too early");
    default:
      fail(ErrorCode::kCorruptFile, name, ": is a damaged WebP file");
  }
}

std::size_t little_endian(std::string_view four_bytes) {
  std::size_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(four_bytes[i]);
  return value;
}

int orientation_of(std::string_view bytes) {
  constexpr auto kExifName = "Exif\0\0"sv;  // some writers leave JPEG's name before the block
  bytes.remove_prefix(kRiffHeaderBytes);
  while (bytes.size() >= kChunkHeaderBytes) {
    const auto size = little_endian(bytes.substr(4, 4));
    auto data = bytes.substr(kChunkHeaderBytes, size);
    if (bytes.substr(0, 4) == "EXIF"sv) {
      if (data.substr(0, kExifName.size()) == kExifName) data.remove_prefix(kExifName.size());
      return exif_orientation(data);
    }
    const auto step = kChunkHeaderBytes + size + size % 2;
    if (step >= bytes.size()) break;
    bytes.remove_prefix(step);
  }
  return 1;
}

}  // namespace

Image decode_webp(std::string_view bytes, const std::string& name, const ImageLimits& limits) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    fail(ErrorCode::kInternal, "libwebp is not the version that this program was built for");
  }
  check_status(WebPGetFeatures(data, bytes.size(), &config.input), name);
  if (config.input.has_animation) {
    fail(ErrorCode::kUnsupported, name, ": is an animated WebP file; expected a still picture");
  }
  Image image = make_image(name, config.input.width, config.input.height, limits);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(image.width * 3);
  config.output.u.RGBA.size = image.pixels.size();
  check_status(WebPDecode(data, bytes.size(), &config), name);
  return apply_orientation(std::move(image), orientation_of(bytes));
}

std::string encode_webp(const Image& image, int quality) {
  check_image(image);
  if (image.width > WEBP_MAX_DIMENSION || image.height > WEBP_MAX_DIMENSION) {
    fail(ErrorCode::kInvalidInput,
         "a WebP file cannot hold ",
         image.width,
         "×",
         image.height,
         " pixels: a side has at most ",
         WEBP_MAX_DIMENSION);
  }
  const auto width = static_cast<int>(image.width), height = static_cast<int>(image.height);
  uint8_t* output = nullptr;
  const auto size =
      quality >= kLosslessQuality
          ? WebPEncodeLosslessRGB(image.pixels.data(), width, height, width * 3, &output)
          : WebPEncodeRGB(image.pixels.data(),
                          width,
                          height,
                          width * 3,
                          static_cast<float>(quality),
                          &output);
  const std::unique_ptr<uint8_t, void (*)(void*)> owner(output, WebPFree);
  if (size == 0) fail(ErrorCode::kInternal, "the picture cannot be encoded as WebP");
  return std::string(reinterpret_cast<const char*>(output), size);
}

}  // namespace glm_image::image
