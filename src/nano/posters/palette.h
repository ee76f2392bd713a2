#pragma once

#include <filesystem>
#include <map>

#include "nano/posters/scene.h"

namespace glm_image::posters {

/// The name of a colour in one language. In English all four forms are equal.
struct ColourName {
  std::string masculine, feminine, masculine_plural, feminine_plural;
};

struct NamedColour {
  Colour colour;
  std::vector<ColourName> french;   ///< at least one
  std::vector<ColourName> english;  ///< at least one
};

/// colours.json: a list "colours" of {id, rgb, french: [{masculine, …}], english: ["red"]}. Throws
/// kCorruptFile for bad data and for fewer than two colours or repeated ids.
class Palette {
 public:
  static Palette load(const std::filesystem::path& file);

  const std::vector<NamedColour>& colours() const { return colours_; }
  /// Null if there is no such colour.
  const NamedColour* find(std::string_view id) const;

 private:
  std::vector<NamedColour> colours_;
};

}  // namespace glm_image::posters
