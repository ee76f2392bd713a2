#pragma once

#include <png.h>

#include <string>
#include <vector>

#include "image/png_codec.h"

namespace glm_image::image {

/// One text chunk in the form in which it is stored.
struct PngTextChunk {
  std::string keyword;
  std::string value;   ///< Latin-1, or UTF-8 when `international`
  bool international;  ///< iTXt rather than tEXt
};

/// Checks and converts; see encode_png.
std::vector<PngTextChunk> png_text_chunks(const PngText& text);

/// Calls libpng, and so belongs inside PngWriter::write.
void add_png_text(png_structp png, png_infop info, PngTextChunk& chunk);

}  // namespace glm_image::image
