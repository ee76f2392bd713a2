#pragma once

#include <png.h>

#include <string>
#include <vector>

#include "image/png_codec.h"

namespace glm_image::image {

/// One text chunk as it is stored.
struct PngTextChunk {
  std::string keyword;
  std::string value;   ///< Latin-1, or UTF-8 if `international`
  bool international;  ///< iTXt rather than tEXt
};

/// Checks and converts texts; see encode_png.
std::vector<PngTextChunk> png_text_chunks(const PngText& text);

/// Adds a chunk. Calls libpng, so it must be called inside PngWriter::write.
void add_png_text(png_structp png, png_infop info, PngTextChunk& chunk);

}  // namespace glm_image::image
