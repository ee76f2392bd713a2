#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>

#include "io/json_number.h"

namespace glm_image::cli {

/// Takes whole numbers from `least` to `most`, written as in JSON: 1e2 and 100.0 are 100. As a
/// transform() it leaves plain digits. CLI11 by itself would read 010 as 8, and a number that does
/// not fit as the largest that does.
template <typename Number>
CLI::Validator whole_number(Number least, Number most = std::numeric_limits<Number>::max()) {
  const auto check = [least, most](std::string& text) -> std::string {
    const auto given = io::number_from_text(text);
    const auto number = given ? io::whole_number<Number>(*given) : std::nullopt;
    if (number && *number >= least && *number <= most) {
      text = std::to_string(*number);
      return {};
    }
    const auto upper = most == std::numeric_limits<Number>::max() ? std::string(" on")
                                                                  : " to " + std::to_string(most);
    return "must be a whole number from " + std::to_string(least) + upper + "; found " + text;
  };
  return CLI::Validator(check, /*validator_desc=*/"");
}

}  // namespace glm_image::cli
