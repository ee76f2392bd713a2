#include "nano/training/item_areas.h"

#include <algorithm>

#include "nano/posters/arrangement.h"

namespace glm_image::nano {

std::vector<ItemArea> item_areas(const posters::Layout& layout) {
  std::vector<ItemArea> areas;
  for (const auto& box : layout.boxes) {
    if (box.kind != posters::BoxKind::kPictogram) continue;
    areas.push_back({box.kind,
                     box.index,
                     nullptr,
                     static_cast<double>(box.x),
                     static_cast<double>(box.y),
                     static_cast<double>(box.width),
                     static_cast<double>(box.height)});
  }
  for (const auto& line : layout.lines) {
    areas.push_back({posters::BoxKind::kText,
                     line.text,
                     &line,
                     line.x,
                     line.base_line - posters::kAscent * line.em,
                     line.width,
                     (posters::kAscent + posters::kDescent) * line.em});
  }
  return areas;
}

std::vector<std::optional<ItemArea>> areas_of_tokens(const posters::Layout& layout,
                                                     const text::Grid& grid) {
  // Slightly above a quarter. Some lines cover exactly a quarter, and rounding must not decide.
  constexpr double kLeastShare = 0.26;
  std::vector<std::optional<ItemArea>> of_tokens(static_cast<std::size_t>(grid.size()));
  std::vector<double> covered(of_tokens.size(), kLeastShare);
  const auto overlap = [](int64_t token, double begin, double length) {
    constexpr double kSide = text::kTokenSide;
    const double first = static_cast<double>(token) * kSide;
    return std::max(std::min(first + kSide, begin + length) - std::max(first, begin), 0.0) / kSide;
  };
  for (const auto& area : item_areas(layout)) {
    for (int64_t token = 0; token < grid.size(); ++token) {
      const double share = overlap(token / grid.width, area.y, area.height) *
                           overlap(token % grid.width, area.x, area.width);
      const auto at = static_cast<std::size_t>(token);
      if (share <= covered[at]) continue;
      covered[at] = share;
      of_tokens[at] = area;
    }
  }
  return of_tokens;
}

}  // namespace glm_image::nano
