#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace glm_image::posters {

/// A font family in one weight and slant.
struct Typeface {
  std::string family;
  bool bold = false;
  bool italic = false;
};

inline bool operator==(const Typeface& a, const Typeface& b) {
  return a.family == b.family && a.bold == b.bold && a.italic == b.italic;
}

/// The name in messages: "DejaVu Sans bold italic".
std::string typeface_name(const Typeface& face);

/// The file of an installed typeface. It is never a substitute of another family. Throws kNotFound
/// naming the typeface if it is not installed.
std::filesystem::path find_typeface(const Typeface& face);

}  // namespace glm_image::posters
