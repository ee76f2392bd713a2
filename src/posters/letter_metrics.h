#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "posters/font_room.h"

namespace glm_image::posters {

/// How wide the letters of a few faces are, so that texts can be measured from several threads
/// without font libraries. Kerning is not known here: it makes lines a little narrower.
class LetterMetrics {
 public:
  /// Throws kNotFound for a face without one of the letters, naming both.
  LetterMetrics(const FontRoom& room,
                const std::vector<Typeface>& faces,
                const std::vector<char32_t>& letters);

  /// `face` is an index into the list that the metrics were made from; every letter of the text
  /// must be among theirs.
  /// In ems: how far the pen goes.
  double width(std::size_t face, std::string_view line) const;

 private:
  std::vector<std::unordered_map<char32_t, double>> faces_;
};

}  // namespace glm_image::posters
