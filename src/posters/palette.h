#pragma once

#include <filesystem>
#include <map>

#include "posters/scene.h"

namespace glm_image::posters {

/// What a colour is called in one language. English has one form for all four.
struct ColourName {
  std::string masculine, feminine, masculine_plural, feminine_plural;
};

struct NamedColour {
  Colour colour;
  std::vector<ColourName> french;   ///< at least one
  std::vector<ColourName> english;  ///< at least one
};

/// colours.json: a list "colours" of {id, rgb, french: [{masculine, …}], english: ["red"]}. Throws
/// kCorruptFile for bad data, and unless there are at least two colours with ids of their own.
class Palette {
 public:
  static Palette load(const std::filesystem::path& file);

  const std::vector<NamedColour>& colours() const { return colours_; }
  /// Null when there is none.
  const NamedColour* find(std::string_view id) const;

 private:
  std::vector<NamedColour> colours_;
};

}  // namespace glm_image::posters
