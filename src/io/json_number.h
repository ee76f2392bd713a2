#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

/// Numbers as JSON defines them: 100, 100.0 and 1e2 are the same number, and so are 0 and -0.
namespace glm_image::io {

/// Every integer of at most this magnitude is represented exactly.
inline constexpr double kMaxExactDouble = 9007199254740991.0;  // 2^53 - 1

/// Returns the value of the text of a JSON number as int64_t or uint64_t, exactly, however it is
/// written. Returns std::nullopt if the number is not whole or fits neither type.
std::optional<nlohmann::json> integer_of(std::string_view number);

/// Parses a text that is one JSON number and nothing else, as forms and command lines have them.
/// Returns std::nullopt for other texts, such as "", "010", "+1" and " 1".
std::optional<nlohmann::json> number_from_text(std::string_view text);

/// Returns the value as an integer, or std::nullopt if it is not a whole number or does not fit.
template <typename Integer>
std::optional<Integer> whole_number(const nlohmann::json& value) {
  using Limits = std::numeric_limits<Integer>;
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(Limits::max())) return std::nullopt;
    return static_cast<Integer>(number);
  }
  int64_t number = 0;
  if (value.is_number_integer()) {
    number = value.get<int64_t>();
  } else if (value.is_number_float()) {
    const auto real = value.get<double>();
    if (std::trunc(real) != real || std::abs(real) > kMaxExactDouble) return std::nullopt;
    number = static_cast<int64_t>(real);
  } else {
    return std::nullopt;
  }
  const bool fits = number >= 0
                        ? static_cast<uint64_t>(number) <= static_cast<uint64_t>(Limits::max())
                        : Limits::is_signed && number >= static_cast<int64_t>(Limits::min());
  return fits ? std::optional(static_cast<Integer>(number)) : std::nullopt;
}

}  // namespace glm_image::io
