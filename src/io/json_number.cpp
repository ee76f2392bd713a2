#include "io/json_number.h"

#include <charconv>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "io/json_file.h"

namespace glm_image::io {
namespace {

constexpr int64_t kMaxIntegerDigits = 20;  // of 2^64 - 1
/// No text that is short enough to be read has the digits to offset a larger exponent.
constexpr int64_t kMaxExponent = int64_t{1} << 40;

template <typename Integer>
std::optional<Json> parsed_integer(const std::string& digits) {
  Integer number = 0;
  const auto* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return Json(number);
}

}  // namespace

std::optional<Json> integer_of(std::string_view number) {
  // value = ±digits · 10^exponent, with the point removed from the digits.
  const bool is_negative = !number.empty() && number.front() == '-';
  if (is_negative) number.remove_prefix(1);
  const auto mantissa = number.substr(0, number.find_first_of("eE"));
  int64_t exponent = 0;
  if (mantissa.size() < number.size()) {
    auto text = number.substr(mantissa.size() + 1);
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    const auto result = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (result.ec != std::errc() || std::abs(exponent) > kMaxExponent) return std::nullopt;
  }
  std::string digits(mantissa);
  const auto point = digits.find('.');
  if (point != std::string::npos) {
    digits.erase(point, 1);
    exponent -= static_cast<int64_t>(digits.size() - point);
  }
  digits.erase(0, digits.find_first_not_of('0'));
  if (digits.empty()) return Json(uint64_t{0});
  while (digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  const auto count = static_cast<int64_t>(digits.size());
  if (exponent < 0 || exponent > kMaxIntegerDigits || count + exponent > kMaxIntegerDigits) {
    return std::nullopt;
  }
  digits.append(static_cast<std::size_t>(exponent), '0');
  return is_negative ? parsed_integer<int64_t>('-' + digits) : parsed_integer<uint64_t>(digits);
}

std::optional<Json> number_from_text(std::string_view text) {
  constexpr std::string_view kBeginnings = "-0123456789";
  // JSON itself allows white space around a value.
  const bool has_bounds = !text.empty() &&
                          kBeginnings.find(text.front()) != std::string_view::npos &&
                          kBeginnings.find(text.back()) != std::string_view::npos;
  if (!has_bounds) return std::nullopt;
  try {
    return parse_json(text, "number");
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace glm_image::io
