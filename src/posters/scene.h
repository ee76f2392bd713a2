#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::posters {

/// A colour that captions have names for (data/posters/colours.json).
struct Colour {
  std::string id;
  std::array<uint8_t, 3> rgb{};
};

enum class Place {
  kTopLeft,
  kTop,
  kTopRight,
  kLeft,
  kCentre,
  kRight,
  kBottomLeft,
  kBottom,
  kBottomRight,
};
inline constexpr int kPlaceCount = 9;

/// "top_left", "top", … as in the data files.
std::string_view place_name(Place place);
std::optional<Place> place_of(std::string_view name);

/// Where a place is: 0 at the left or the top, ½ in the middle, 1 at the right or the bottom.
struct Anchor {
  double x;
  double y;
};
Anchor anchor_of(Place place);

/// All sizes are fractions of the picture's shorter side, so that one scene looks the same at every
/// size: the preview grid shows the poster at 512×512 that the picture shows at 256×256 or 320×192.
struct TextItem {
  std::string text;
  /// The text as it is broken: joined by spaces they are `text`.
  std::vector<std::string> lines;
  Colour colour;
  Place place = Place::kCentre;
  std::string style;  ///< id in data/posters/styles.json
  std::string font;   ///< the family that was chosen for the style
  double size = 0;    ///< of the letters' em square
};

struct PictogramItem {
  std::string id;  ///< in data/posters/pictograms.json
  Place place = Place::kCentre;
  double size = 0;  ///< of the longer side of what is drawn
};

struct Background {
  Colour first;
  std::optional<Colour> second;  ///< reached at the lower edge, in a straight vertical gradient
};

struct Scene {
  Background background;
  std::vector<PictogramItem> pictograms;
  std::vector<TextItem> texts;  ///< in the order of the caption
};

}  // namespace glm_image::posters
