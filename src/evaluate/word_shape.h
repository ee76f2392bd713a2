#pragma once

#include "nano/posters/font_room.h"
#include "nano/posters/poster_source.h"
#include "reading/text_lines.h"

namespace glm_image::evaluate {

using reading::InkMap;
using reading::PixelBox;
using reading::TextLine;

/// Renders words in the posters' fonts, each cropped to its ink. Not thread-safe.
class WordShapes {
 public:
  /// Pixels to the em square.
  static constexpr int kSize = 40;

  explicit WordShapes(const posters::PosterSource& source);

  std::size_t face_count() const;
  /// `face` is an index into the data's faces. Returns an empty map if the word has no ink.
  InkMap draw(const std::string& word, std::size_t face) const;

 private:
  posters::PosterSource source_;
  posters::FontRoom room_;
};

}  // namespace glm_image::evaluate
