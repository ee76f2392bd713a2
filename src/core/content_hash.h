#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace glm_image {

/// The 128-bit FNV-1a hash of bytes, to name what was computed from them. It is the same on every
/// machine and in every version. Not cryptographic.
class ContentHash {
 public:
  ContentHash& add(std::string_view bytes);
  /// Adds a text and its length, so that neighbours cannot be confused.
  ContentHash& add_field(std::string_view text);
  ContentHash& add_number(int64_t number);
  /// 32 hexadecimal digits.
  std::string hex() const;

 private:
  __extension__ using Wide = unsigned __int128;
  // The offset basis of the algorithm.
  Wide value_ = Wide{0x6C62272E07BB0142U} << 64 | Wide{0x62B821756295C58DU};
};

}  // namespace glm_image
