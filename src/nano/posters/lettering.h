#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nano/posters/typeface.h"

namespace glm_image::posters {

/// A style that captions have words for, with its typefaces.
struct Style {
  std::string id;
  double weight = 1;               ///< relative frequency
  std::vector<std::size_t> faces;  ///< indices into Lettering::faces
};

/// styles.json: a list "styles" of {id, weight, bold, italic, families: [..]}. Throws kCorruptFile
/// for bad data.
class Lettering {
 public:
  static Lettering load(const std::filesystem::path& file);

  const std::vector<Style>& styles() const { return styles_; }
  const std::vector<Typeface>& faces() const { return faces_; }
  /// Throws kInvalidInput if the style is unknown or does not have the family.
  std::size_t face_of(std::string_view style, std::string_view family) const;

 private:
  std::vector<Style> styles_;
  std::vector<Typeface> faces_;
};

}  // namespace glm_image::posters
