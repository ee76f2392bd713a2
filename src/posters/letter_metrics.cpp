#include "posters/letter_metrics.h"

#include <hb.h>

#include <algorithm>

#include "core/error.h"
#include "text/unicode.h"

namespace glm_image::posters {

LetterMetrics::LetterMetrics(const FontRoom& room,
                             const std::vector<Typeface>& faces,
                             const std::vector<char32_t>& letters) {
  constexpr double kPixels = 1000;
  constexpr double kUnits = kPixels * PANGO_SCALE;
  for (const auto& face : faces) {
    const auto font = room.open(face, kPixels);
    hb_font_t* shaper = pango_font_get_hb_font(font.get());
    auto& table = faces_.emplace_back();
    for (const char32_t letter : letters) {
      hb_codepoint_t glyph = 0;
      hb_glyph_extents_t extents{};
      if (!hb_font_get_nominal_glyph(shaper, letter, &glyph) || glyph == 0 ||
          !hb_font_get_glyph_extents(shaper, glyph, &extents)) {
        std::string name;
        text::append_utf8(name, letter);
        fail(ErrorCode::kNotFound, "the font ", typeface_name(face), " has no letter ", name);
      }
      // HarfBuzz counts upwards: heights are negative.
      table[letter] = {hb_font_get_glyph_h_advance(shaper, glyph) / kUnits,
                       extents.x_bearing / kUnits,
                       (extents.x_bearing + extents.width) / kUnits,
                       extents.y_bearing / kUnits,
                       -(extents.y_bearing + extents.height) / kUnits};
    }
  }
}

LineExtent LetterMetrics::measure(std::size_t face, std::string_view line) const {
  const auto& table = faces_.at(face);
  double pen = 0;
  double left = 1e9;
  double right = -1e9;
  LineExtent extent{0, 0, -1e9, -1e9};
  for (const auto& point : text::code_points(line)) {
    const auto found = table.find(point.value);
    GLM_IMAGE_CHECK(found != table.end(), "no metrics for a letter of ", line);
    const auto& letter = found->second;
    left = std::min(left, pen + letter.left);
    right = std::max(right, pen + letter.right);
    extent.ascent = std::max(extent.ascent, letter.top);
    extent.descent = std::max(extent.descent, letter.bottom);
    pen += letter.advance;
  }
  GLM_IMAGE_CHECK(right > left, "an empty line");
  extent.left = left;
  extent.width = right - left;
  return extent;
}

}  // namespace glm_image::posters
