#include "image/webp_codec.h"

#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <memory>
#include <utility>

#include "core/error.h"
#include "image/exif_orientation.h"

namespace glm_image::image {
namespace {

constexpr int kLosslessQuality = 100;

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

struct DemuxerDeleter {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, DemuxerDeleter>;

std::string chunk_of(const Demuxer& demuxer, const char (&four_letters)[5]) {
  WebPChunkIterator chunk = {};
  std::string bytes;
  if (demuxer != nullptr && WebPDemuxGetChunk(demuxer.get(), four_letters, 1, &chunk) != 0) {
    bytes.assign(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size);
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return bytes;
}

MetadataBlocks blocks_of(const Demuxer& demuxer) {
  return {chunk_of(demuxer, "EXIF"), chunk_of(demuxer, "XMP ")};
}

/// Writes RGB into `image` at (x, y).
void decode_into(
    Image& image, int64_t x, int64_t y, const WebPData& data, const std::string& name) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    fail(ErrorCode::kInternal, "libwebp is not the version that this program was built for");
  }
  const auto first = static_cast<std::size_t>((y * image.width + x) * 3);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data() + first;
  config.output.u.RGBA.stride = static_cast<int>(image.width * 3);
  config.output.u.RGBA.size = image.pixels.size() - first;
  check_status(WebPDecode(data.bytes, data.size, &config), name);
}

/// Decodes the first frame, which may be smaller than the picture: the rest stays black, as in
/// Pillow.
void decode_first_frame(Image& image, const Demuxer& demuxer, const std::string& name) {
  WebPIterator frame = {};
  const std::unique_ptr<WebPIterator, void (*)(WebPIterator*)> owner(&frame,
                                                                     WebPDemuxReleaseIterator);
  const bool found =
      demuxer != nullptr && WebPDemuxGetFrame(demuxer.get(), 1, &frame) != 0 && frame.complete != 0;
  if (!found || frame.x_offset + frame.width > image.width ||
      frame.y_offset + frame.height > image.height) {
    fail(ErrorCode::kCorruptFile, name, ": is a damaged WebP file: its first frame is incomplete");
  }
  // The decoder uses the size in the frame's own header.
  WebPBitstreamFeatures features;
  check_status(WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &features), name);
  if (features.width != frame.width || features.height != frame.height) {
    fail(ErrorCode::kCorruptFile, name, ": is a damaged WebP file: its first frame has two sizes");
  }
  decode_into(image, frame.x_offset, frame.y_offset, frame.fragment, name);
}

struct MuxDeleter {
  void operator()(WebPMux* mux) const { WebPMuxDelete(mux); }
};

/// Puts a bare picture into a container with the blocks.
std::string with_blocks(const WebPData& picture, const MetadataBlocks& blocks) {
  // None of these copies its data (copy_data = 0); all outlive `mux`.
  const std::unique_ptr<WebPMux, MuxDeleter> mux(WebPMuxCreate(&picture, 0));
  bool done = mux != nullptr;
  const auto add = [&](const char* four_letters, const std::string& block) {
    if (!done || block.empty()) return;
    const WebPData data = {reinterpret_cast<const uint8_t*>(block.data()), block.size()};
    done = WebPMuxSetChunk(mux.get(), four_letters, &data, 0) == WEBP_MUX_OK;
  };
  add("EXIF", blocks.exif);
  add("XMP ", blocks.xmp);
  WebPData file = {};
  done = done && WebPMuxAssemble(mux.get(), &file) == WEBP_MUX_OK;
  const std::unique_ptr<WebPData, void (*)(WebPData*)> owner(&file, WebPDataClear);
  if (!done) fail(ErrorCode::kInternal, "metadata cannot be added to a WebP file");
  return std::string(reinterpret_cast<const char*>(file.bytes), file.size);
}

}  // namespace

Image decode_webp(std::string_view bytes,
                  const std::string& name,
                  const ImageLimits& limits,
                  Warnings* warnings) {
  const WebPData data = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPBitstreamFeatures features;
  check_status(WebPGetFeatures(data.bytes, data.size, &features), name);
  Image image = make_image(name, features.width, features.height, limits);
  const Demuxer demuxer(WebPDemux(&data));
  if (features.has_animation != 0) {
    decode_first_frame(image, demuxer, name);
    const auto frames = WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT);
    warn_of_animation(warnings, name, "WebP", frames, "first frame");
  } else {
    decode_into(image, 0, 0, data, name);
  }
  return apply_orientation(std::move(image), orientation_of(blocks_of(demuxer)));
}

PictureSize webp_header_size(std::string_view bytes, const std::string& name) {
  WebPBitstreamFeatures features;
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  check_status(WebPGetFeatures(data, bytes.size(), &features), name);
  return {features.width, features.height};
}

MetadataBlocks read_webp_metadata(std::string_view bytes, const std::string& name) {
  const WebPData data = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPBitstreamFeatures features;
  check_status(WebPGetFeatures(data.bytes, data.size, &features), name);
  const Demuxer demuxer(WebPDemux(&data));
  if (demuxer == nullptr) check_status(VP8_STATUS_BITSTREAM_ERROR, name);  // or cut short
  return blocks_of(demuxer);
}

std::string encode_webp(const Image& image, int quality, const MetadataBlocks& blocks) {
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
  if (!blocks.exif.empty() || !blocks.xmp.empty()) return with_blocks({output, size}, blocks);
  return std::string(reinterpret_cast<const char*>(output), size);
}

}  // namespace glm_image::image
