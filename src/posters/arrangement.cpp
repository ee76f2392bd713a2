#include "posters/arrangement.h"

#include <algorithm>

namespace glm_image::posters {

TextShape shape_text(const LetterMetrics& metrics,
                     std::size_t face,
                     const std::vector<std::string>& lines) {
  constexpr double kLineHeight = 1.1;
  constexpr double kBetweenInk = 0.12;
  TextShape shape;
  double base_line = 0;
  double descent = 0;
  for (const auto& text : lines) {
    const auto line = metrics.measure(face, text);
    base_line = shape.lines.empty()
                    ? line.ascent
                    : base_line + std::max(kLineHeight, descent + line.ascent + kBetweenInk);
    descent = line.descent;
    shape.lines.push_back({line.width, line.left, base_line});
    shape.width = std::max(shape.width, line.width);
  }
  shape.height = base_line + descent;
  return shape;
}

Box box_at(Place place, double width, double height, double picture_width, double picture_height) {
  const auto anchor = anchor_of(place);
  return {kMargin + anchor.x * (picture_width - 2 * kMargin - width),
          kMargin + anchor.y * (picture_height - 2 * kMargin - height),
          width,
          height};
}

bool are_apart(const Box& a, const Box& b) {
  return a.x + a.width + kGap <= b.x || b.x + b.width + kGap <= a.x ||
         a.y + a.height + kGap <= b.y || b.y + b.height + kGap <= a.y;
}

}  // namespace glm_image::posters
