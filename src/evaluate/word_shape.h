#pragma once

#include "evaluate/text_lines.h"
#include "posters/font_room.h"
#include "posters/poster_source.h"

namespace glm_image::evaluate {

/// Words as the posters' fonts draw them, each cut to its ink. For one thread at a time.
class WordShapes {
 public:
  /// Pixels to the em square.
  static constexpr int kSize = 40;

  explicit WordShapes(const posters::PosterSource& source);

  std::size_t face_count() const;
  /// `face` is an index into the data's faces. Empty when nothing is drawn.
  InkMap draw(const std::string& word, std::size_t face) const;

 private:
  posters::PosterSource source_;
  posters::FontRoom room_;
};

}  // namespace glm_image::evaluate
