#include "core/base64.h"

#include <array>
#include <cstdint>

namespace glm_image {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNoDigit = 64;

constexpr std::array<uint8_t, 256> digit_values() {
  std::array<uint8_t, 256> values{};
  for (auto& value : values) value = kNoDigit;
  for (uint8_t i = 0; i < 64; ++i) values[static_cast<uint8_t>(kAlphabet[i])] = i;
  return values;
}

bool is_white_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<uint8_t>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) {
      text += k <= count ? kAlphabet[group >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text, std::size_t& error_at) {
  static constexpr auto kValues = digit_values();
  constexpr size_t kDigitsPerGroup = 4;
  std::string bytes;
  bytes.reserve(text.size() / kDigitsPerGroup * 3 + 3);
  uint32_t bits = 0;
  size_t digits = 0, padding = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_white_space(text[i])) continue;
    error_at = i;
    if (text[i] == '=') {
      ++padding;
      continue;
    }
    const auto value = kValues[static_cast<uint8_t>(text[i])];
    if (value == kNoDigit || padding > 0) return std::nullopt;
    bits = bits << 6 | value;
    ++digits;
    // Each digit except the first of a group completes a byte.
    const auto bits_left = 6 - 2 * (digits - 1) % 8;
    if (digits % kDigitsPerGroup != 1) bytes += static_cast<char>(bits >> bits_left & 0xffU);
  }
  error_at = text.size();
  const auto last = digits % kDigitsPerGroup;
  const bool is_padded_well = padding == 0 || (last != 0 && last + padding == kDigitsPerGroup);
  if (last == 1 || !is_padded_well) return std::nullopt;
  return bytes;
}

}  // namespace glm_image
