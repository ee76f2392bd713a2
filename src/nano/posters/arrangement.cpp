#include "nano/posters/arrangement.h"

#include <algorithm>
#include <cmath>

namespace glm_image::posters {

TextShape shape_text(const LetterMetrics& metrics,
                     std::size_t face,
                     const std::vector<std::string>& lines) {
  constexpr double kLineHeight = 1.2;
  TextShape shape;
  double base_line = kAscent;
  for (const auto& text : lines) {
    shape.lines.push_back({metrics.width(face, text), base_line});
    shape.width = std::max(shape.width, shape.lines.back().width);
    shape.height = base_line + kDescent;
    base_line += kLineHeight;
  }
  return shape;
}

double on_grid(double position) {
  return std::round(position / kGrid) * kGrid;
}

TextShape spread_on_grid(TextShape shape, double size) {
  constexpr double kRounding = 1e-9;
  double moved = 0;
  for (std::size_t i = 1; i < shape.lines.size(); ++i) {
    const double below_first =
        (shape.lines[i].base_line + moved - shape.lines[0].base_line) * size / kLineStep;
    moved += (std::ceil(below_first - kRounding) - below_first) * kLineStep / size;
    shape.lines[i].base_line += moved;
  }
  shape.height += moved;
  return shape;
}

Box box_at(Place place,
           double width,
           double height,
           double base_line,
           double picture_width,
           double picture_height) {
  const auto anchor = anchor_of(place);
  const double x = kMargin + anchor.x * (picture_width - 2 * kMargin - width);
  const double y = kMargin + anchor.y * (picture_height - 2 * kMargin - height);
  // Round towards the centre, or items at the edges would leave the picture.
  const auto inwards = [](double share, double position) {
    return on_grid(position + (0.5 - share) * 0.99 * kGrid);
  };
  return {inwards(anchor.x, x), inwards(anchor.y, y + base_line) - base_line, width, height};
}

bool stands_at(Place place, const Box& box, double width, double height, double reach) {
  const auto is_in_third = [&](double anchor, double begin, double length, double side) {
    const double centre = (begin + length / 2) / side;
    const double middle = (1 + 4 * anchor) / 6;  // 1/6, 3/6, 5/6
    return std::fabs(centre - middle) <= 1.0 / 6 + reach;
  };
  const auto anchor = anchor_of(place);
  return is_in_third(anchor.x, box.x, box.width, width) &&
         is_in_third(anchor.y, box.y, box.height, height);
}

bool are_apart(const Box& a, const Box& b) {
  return a.x + a.width + kGap <= b.x || b.x + b.width + kGap <= a.x ||
         a.y + a.height + kGap <= b.y || b.y + b.height + kGap <= a.y;
}

}  // namespace glm_image::posters
