#pragma once

#include <set>
#include <string>
#include <vector>

namespace glm_image::reading {

/// Data of Tesseract that a text can be read with.
struct TextData {
  /// In Tesseract's format, "fra+eng": several to try one after the other, the best first. Empty if
  /// no data exist for the text's script.
  std::vector<std::string> languages;
  /// Letters of the text, in lower case, that none of these data know.
  std::set<char32_t> unknown_letters;
};

/// Chooses the data for a text by its letters. `installed` are the names that Tesseract lists.
/// Throws kUnsupported, naming the text and the Debian package to install, if data exist but are
/// not installed.
TextData data_for(const std::string& text, const std::set<std::string>& installed);

}  // namespace glm_image::reading
