#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::posters {

/// A colour of the palette (data/posters/colours.json).
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

/// The names of places in data files: "top_left", "top", ….
std::string_view place_name(Place place);
std::optional<Place> place_of(std::string_view name);

/// A place as fractions: 0 left or top, ½ middle, 1 right or bottom.
struct Anchor {
  double x;
  double y;
};
Anchor anchor_of(Place place);

/// Sizes are fractions of the picture's shorter side, so that a scene looks the same at every
/// resolution.
struct TextItem {
  std::string text;
  /// The text broken into lines. Joined with spaces they equal `text`.
  std::vector<std::string> lines;
  Colour colour;
  Place place = Place::kCentre;
  std::string style;  ///< id in data/posters/styles.json
  std::string font;   ///< a family of this style
  double size = 0;    ///< of the em square
  /// Whose words or letters the text has: "moore", …; empty for numbers and if it is not known.
  std::string language = {};
};

struct PictogramItem {
  std::string id;  ///< in data/posters/pictograms.json
  Place place = Place::kCentre;
  double size = 0;  ///< of the longer side of its ink
};

struct Background {
  Colour first;
  std::optional<Colour> second;  ///< colour at the lower edge of a vertical linear gradient
};

struct Scene {
  Background background;
  std::vector<PictogramItem> pictograms;
  std::vector<TextItem> texts;  ///< in the order of the caption
};

}  // namespace glm_image::posters
