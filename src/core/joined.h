#pragma once

#include <string>

namespace glm_image {

/// Concatenates the texts of a range with `separator` between them: joined({"a", "b"}, ", ") is
/// "a, b". An empty range gives an empty text.
template <typename Texts>
std::string joined(const Texts& texts, const char* separator) {
  std::string all;
  const char* before = "";
  for (const auto& text : texts) {
    all.append(before).append(text);
    before = separator;
  }
  return all;
}

}  // namespace glm_image
