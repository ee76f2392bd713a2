#include "nano/posters/scene.h"

namespace glm_image::posters {
namespace {

constexpr std::string_view kPlaceNames[kPlaceCount] = {
    "top_left",
    "top",
    "top_right",
    "left",
    "centre",
    "right",
    "bottom_left",
    "bottom",
    "bottom_right",
};

}  // namespace

std::string_view place_name(Place place) {
  return kPlaceNames[static_cast<int>(place)];
}

std::optional<Place> place_of(std::string_view name) {
  for (int i = 0; i < kPlaceCount; ++i) {
    if (kPlaceNames[i] == name) return static_cast<Place>(i);
  }
  return std::nullopt;
}

Anchor anchor_of(Place place) {
  const int index = static_cast<int>(place);
  const int column = index % 3, row = index / 3;
  return {0.5 * column, 0.5 * row};
}

}  // namespace glm_image::posters
