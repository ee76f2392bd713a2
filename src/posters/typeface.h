#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace glm_image::posters {

/// One file of a font family.
struct Typeface {
  std::string family;
  bool bold = false;
  bool italic = false;
};

inline bool operator==(const Typeface& a, const Typeface& b) {
  return a.family == b.family && a.bold == b.bold && a.italic == b.italic;
}

/// "DejaVu Sans bold italic", for messages.
std::string typeface_name(const Typeface& face);

/// The file of an installed face: never another family in its stead, as font libraries like to
/// give. Throws kNotFound, naming the face, when it is not installed.
std::filesystem::path find_typeface(const Typeface& face);

}  // namespace glm_image::posters
