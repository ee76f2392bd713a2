#include "core/byte_size.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace glm_image {
namespace {

/// Bytes of a unit; 0 for an unknown one.
double unit_bytes(std::string_view unit) {
  constexpr std::string_view kPrefixes = "kmgt";
  std::string lower;
  for (const char letter : unit) {
    lower += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  }
  if (lower == "b") return 1;
  const bool binary = lower.size() == 3 && lower[1] == 'i';
  if ((lower.size() != 2 && !binary) || lower.back() != 'b') return 0;
  const auto power = kPrefixes.find(lower.front());
  if (power == std::string_view::npos) return 0;
  return std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
}

/// Reads digits from the beginning of `text` and removes them. Nothing without digits.
std::optional<int64_t> take_digits(std::string_view& text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return value;
}

}  // namespace

std::optional<int64_t> parse_byte_size(std::string_view text) {
  constexpr double kMost = 1.152921504606847e18;  // 2^60
  const auto whole = take_digits(text);
  if (!whole) return std::nullopt;
  auto number = static_cast<double>(*whole);
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    const auto before = text.size();
    const auto fraction = take_digits(text);
    if (!fraction) return std::nullopt;
    number +=
        static_cast<double>(*fraction) / std::pow(10.0, static_cast<double>(before - text.size()));
  }
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const double bytes = number * unit_bytes(text);
  if (bytes < 1 || bytes > kMost) return std::nullopt;
  return static_cast<int64_t>(std::llround(bytes));
}

std::string byte_size_text(int64_t bytes) {
  constexpr double kMega = 1e6, kGiga = 1e9;
  const auto value = static_cast<double>(bytes);
  char text[32];
  if (value >= kGiga) {
    std::snprintf(text, sizeof text, "%.1f GB", value / kGiga);
  } else {
    std::snprintf(text, sizeof text, "%.1f MB", value / kMega);
  }
  return text;
}

}  // namespace glm_image
