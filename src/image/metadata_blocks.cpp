#include "image/metadata_blocks.h"

#include "core/error.h"
#include "image/image_format.h"
#include "image/jpeg_codec.h"
#include "image/png_chunks.h"
#include "image/webp_codec.h"

namespace glm_image::image {

MetadataBlocks read_metadata_blocks(std::string_view bytes, const std::string& name) {
  switch (format_from_bytes(bytes, name)) {
    case ImageFormat::kPng:
      return read_png_notes(bytes, name).blocks;
    case ImageFormat::kJpeg:
      return read_jpeg_metadata(bytes, name);
    case ImageFormat::kWebp:
      return read_webp_metadata(bytes, name);
  }
  fail(ErrorCode::kInternal, "unknown picture format");
}

}  // namespace glm_image::image
