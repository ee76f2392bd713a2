#include "core/content_hash.h"

namespace glm_image {

ContentHash& ContentHash::add(std::string_view bytes) {
  constexpr Wide kPrime = Wide{1} << 88 | Wide{0x13B};
  for (const char byte : bytes) value_ = (value_ ^ static_cast<unsigned char>(byte)) * kPrime;
  return *this;
}

ContentHash& ContentHash::add_field(std::string_view text) {
  return add_number(static_cast<int64_t>(text.size())).add(text);
}

ContentHash& ContentHash::add_number(int64_t number) {
  char bytes[8];
  auto rest = static_cast<uint64_t>(number);
  for (char& byte : bytes) {
    byte = static_cast<char>(rest & 0xFF);
    rest >>= 8;
  }
  return add({bytes, sizeof bytes});
}

std::string ContentHash::hex() const {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string digits(32, '0');
  auto rest = value_;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    *digit = kDigits[static_cast<unsigned>(rest & 15)];
    rest >>= 4;
  }
  return digits;
}

}  // namespace glm_image
