#include "evaluate/colour_score.h"

namespace glm_image::evaluate {

using reading::colour_difference;
using reading::lab_of;

std::string named_colour(const posters::Palette& palette, const Rgb& rgb) {
  const auto seen = lab_of(rgb);
  std::string nearest;
  double least = kSameColour;
  for (const auto& named : palette.colours()) {
    const double difference = colour_difference(seen, lab_of(named.colour.rgb));
    if (difference > least) continue;
    least = difference;
    nearest = named.colour.id;
  }
  return nearest;
}

}  // namespace glm_image::evaluate
