#include "text/byte_alphabet.h"

#include <array>

#include "text/unicode.h"

namespace glm_image::text {
namespace {

constexpr char32_t kFirstSubstitute = 0x100;
constexpr std::size_t kSubstitutes = 68;

struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<uint8_t, kSubstitutes> substituted{};
};

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  std::size_t substitutes = 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (stands_for_itself(byte)) {
      alphabet.character[byte] = byte;
    } else {
      alphabet.character[byte] = kFirstSubstitute + static_cast<char32_t>(substitutes);
      alphabet.substituted[substitutes++] = static_cast<uint8_t>(byte);
    }
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

std::string to_byte_alphabet(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    append_utf8(text, kAlphabet.character[static_cast<uint8_t>(byte)]);
  }
  return text;
}

std::optional<std::string> from_byte_alphabet(std::string_view text) {
  std::string bytes;
  for (const CodePoint& point : code_points(text)) {
    if (point.value >= kFirstSubstitute && point.value < kFirstSubstitute + kSubstitutes) {
      bytes.push_back(static_cast<char>(kAlphabet.substituted[point.value - kFirstSubstitute]));
    } else if (point.value < kFirstSubstitute && stands_for_itself(point.value)) {
      bytes.push_back(static_cast<char>(point.value));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

}  // namespace glm_image::text
