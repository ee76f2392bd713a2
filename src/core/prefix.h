#pragma once

#include <string_view>

namespace glm_image {

inline bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace glm_image
