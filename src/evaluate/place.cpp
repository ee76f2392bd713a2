#include "evaluate/place.h"

#include <cmath>

namespace glm_image::evaluate {
namespace {

bool is_in_third(double anchor, int64_t low, int64_t high, int64_t side) {
  constexpr double kTolerance = 0.05;
  const double centre = static_cast<double>(low + high) / (2 * static_cast<double>(side));
  const double middle = (1 + 4 * anchor) / 6;  // 1/6, 3/6, 5/6
  return std::fabs(centre - middle) <= 1.0 / 6 + kTolerance;
}

}  // namespace

bool is_at(posters::Place place, const PixelBox& box, int64_t width, int64_t height) {
  const auto anchor = posters::anchor_of(place);
  return !box.is_empty() && is_in_third(anchor.x, box.left, box.right, width) &&
         is_in_third(anchor.y, box.top, box.bottom, height);
}

}  // namespace glm_image::evaluate
