#include "nano/posters/letter_metrics.h"

#include <hb.h>

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
      if (!hb_font_get_nominal_glyph(shaper, letter, &glyph) || glyph == 0) {
        std::string name;
        text::append_utf8(name, letter);
        fail(ErrorCode::kNotFound, "the font ", typeface_name(face), " has no letter ", name);
      }
      table[letter] = hb_font_get_glyph_h_advance(shaper, glyph) / kUnits;
    }
  }
}

double LetterMetrics::width(std::size_t face, std::string_view line) const {
  const auto& table = faces_.at(face);
  double pen = 0;
  for (const auto& point : text::code_points(line)) {
    const auto found = table.find(point.value);
    GLM_IMAGE_CHECK(found != table.end(), "no metrics for a letter of ", line);
    pen += found->second;
  }
  GLM_IMAGE_CHECK(pen > 0, "an empty line");
  return pen;
}

}  // namespace glm_image::posters
