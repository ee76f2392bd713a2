#include "evaluate/place.h"

#include "nano/posters/arrangement.h"

namespace glm_image::evaluate {

bool is_at(posters::Place place, const PixelBox& box, int64_t width, int64_t height) {
  constexpr double kReach = 0.05;
  const auto pixels = [](int64_t count) { return static_cast<double>(count); };
  return !box.is_empty() && posters::stands_at(place,
                                               {pixels(box.left),
                                                pixels(box.top),
                                                pixels(box.right - box.left),
                                                pixels(box.bottom - box.top)},
                                               pixels(width),
                                               pixels(height),
                                               kReach);
}

}  // namespace glm_image::evaluate
