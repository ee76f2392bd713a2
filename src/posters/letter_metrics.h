#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "posters/font_room.h"

namespace glm_image::posters {

/// What one line of text covers, in ems, from the pen's starting point on the base line.
struct LineExtent {
  double left = 0;     ///< to the first ink; negative when it stands out
  double width = 0;    ///< of the ink
  double ascent = 0;   ///< of the ink above the base line
  double descent = 0;  ///< of the ink below it
};

/// Widths and heights of the letters of a few faces, so that texts can be measured from several
/// threads without font libraries. Kerning is not known here: it makes lines a little narrower.
class LetterMetrics {
 public:
  /// Throws kNotFound for a face without one of the letters, naming both.
  LetterMetrics(const FontRoom& room,
                const std::vector<Typeface>& faces,
                const std::vector<char32_t>& letters);

  /// `face` is an index into the list that the metrics were made from; every letter of the text
  /// must be among theirs.
  LineExtent measure(std::size_t face, std::string_view line) const;

 private:
  struct Letter {
    double advance, left, right, top, bottom;  // bottom is positive below the base line
  };
  std::vector<std::unordered_map<char32_t, Letter>> faces_;
};

}  // namespace glm_image::posters
