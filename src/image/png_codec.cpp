#include "image/png_codec.h"

#include <utility>

#include "core/error.h"
#include "image/exif_orientation.h"
#include "image/png_chunks.h"
#include "image/png_session.h"
#include "image/png_text.h"

namespace glm_image::image {
namespace {

struct PngHeader {
  png_uint_32 width = 0, height = 0;
  int bit_depth = 0, color_type = 0, interlace = 0;
};

/// Makes libpng return 8-bit RGB rows, whatever the file contains.
void ask_for_rgb(png_structp png, const PngHeader& header) {
  if (header.bit_depth == 16) {
    // Pillow takes the upper byte of 16-bit samples, except for plain grey, which it clips to white
    // at 255. Grey is scaled instead: its 65536 shades are rounded to 256.
    if (header.color_type == PNG_COLOR_TYPE_GRAY) {
      png_set_scale_16(png);
    } else {
      png_set_strip_16(png);
    }
  }
  if (header.color_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (header.color_type == PNG_COLOR_TYPE_GRAY && header.bit_depth < 8) {
    png_set_expand_gray_1_2_4_to_8(png);
  }
  if ((header.color_type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
}

}  // namespace

Image decode_png(std::string_view bytes,
                 const std::string& name,
                 const ImageLimits& limits,
                 Warnings* warnings) {
  PngReader reader(bytes, name);
  PngHeader header;
  reader.read([&header](png_structp png, png_infop info) {
    // Skip all metadata chunks, which read_png_notes reads, so that libpng neither decompresses
    // them without limit nor rejects the file because of them.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_chunk_malloc_max(png, 0);  // some releases reject large chunks even to skip them
    png_read_info(png, info);
    png_get_IHDR(png,
                 info,
                 &header.width,
                 &header.height,
                 &header.bit_depth,
                 &header.color_type,
                 &header.interlace,
                 nullptr,
                 nullptr);
  });

  Image image = make_image(name, header.width, header.height, limits);
  const auto row_bytes = static_cast<std::size_t>(image.width) * 3;
  reader.read([&](png_structp png, png_infop info) {
    ask_for_rgb(png, header);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row_bytes) png_error(png, "its rows are not RGB");
    for (int pass = 0; pass < passes; ++pass) {
      auto* row = image.pixels.data();
      for (png_uint_32 y = 0; y < header.height; ++y, row += row_bytes) {
        png_read_row(png, row, nullptr);
      }
    }
    png_read_end(png, info);
  });
  const auto notes = read_png_notes(bytes, name);
  if (notes.frames > 0) {
    warn_of_animation(warnings,
                      name,
                      "PNG",
                      notes.frames,
                      notes.still_is_frame ? "first frame" : "still picture");
  }
  return apply_orientation(std::move(image), orientation_of(notes.blocks));
}

PictureSize png_header_size(std::string_view bytes, const std::string& name) {
  auto file = png_chunks(bytes, name);
  const auto chunk = take_png_chunk(file);
  if (chunk.type != "IHDR" || !chunk.intact) file.fail_corrupt("it begins without a header");
  PngParser header(chunk.data, name);
  const int64_t width = header.take_number();
  return {width, header.take_number()};
}

std::string encode_png(const Image& image, const PngText& text, const std::string& xmp) {
  check_image(image);
  PngWriter writer;
  std::vector<PngTextChunk> chunks = png_text_chunks(text);
  if (!xmp.empty()) chunks.push_back({kPngXmpKeyword, xmp, /*international=*/true});
  writer.write([&](png_structp png, png_infop info) {
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(png,
                 info,
                 static_cast<png_uint_32>(image.width),
                 static_cast<png_uint_32>(image.height),
                 /*bit_depth=*/8,
                 PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    for (auto& chunk : chunks) add_png_text(png, info, chunk);
    png_write_info(png, info);
    for (int64_t y = 0; y < image.height; ++y) {
      png_write_row(png, &image.pixels[static_cast<std::size_t>(y * image.width * 3)]);
    }
    png_write_end(png, info);
  });
  return writer.take_bytes();
}

}  // namespace glm_image::image
