#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

namespace glm_image::cli {

/// Takes decimal numbers from `least` to `most` alone. CLI11 by itself would read 010 as 8, and a
/// number that does not fit as the largest that does.
template <typename Number>
CLI::Validator whole_number(Number least, Number most = std::numeric_limits<Number>::max()) {
  const auto check = [least, most](const std::string& text) -> std::string {
    Number number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    const bool is_padded = text.size() > 1 && text.front() == '0';
    if (read.ec == std::errc() && read.ptr == end && !is_padded && number >= least &&
        number <= most) {
      return {};
    }
    const auto upper = most == std::numeric_limits<Number>::max() ? std::string(" on")
                                                                  : " to " + std::to_string(most);
    return "must be a whole number from " + std::to_string(least) + upper + "; found " + text;
  };
  return CLI::Validator(check, /*validator_desc=*/"");
}

}  // namespace glm_image::cli
