#pragma once

#include <functional>
#include <string>

namespace glm_image::train {

/// Returns a sentence in the user's language.
using Translate = std::function<std::string(const std::string& sentence)>;

inline std::string untranslated(const std::string& sentence) {
  return sentence;
}

}  // namespace glm_image::train
