#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "nano/posters/font_room.h"

namespace glm_image::posters {

/// Advance widths of the letters of several typefaces. It measures texts on any thread without font
/// libraries. It ignores kerning, which makes most lines a little narrower.
class LetterMetrics {
 public:
  /// Throws kNotFound naming the typeface and the letter if a typeface lacks a letter.
  LetterMetrics(const FontRoom& room,
                const std::vector<Typeface>& faces,
                const std::vector<char32_t>& letters);

  /// Advance width of a line in ems. `face` is an index into `faces` of the constructor; each
  /// letter of the line must be in its `letters`.
  double width(std::size_t face, std::string_view line) const;

 private:
  std::vector<std::unordered_map<char32_t, double>> faces_;
};

}  // namespace glm_image::posters
