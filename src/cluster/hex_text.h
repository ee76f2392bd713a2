#pragma once

#include <cstddef>
#include <string>

namespace glm_image::cluster {

/// The bytes as lower-case hexadecimal digits.
inline std::string hex_text(const unsigned char* bytes, std::size_t size) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace glm_image::cluster
