#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/text_format.h"
#include "io/json_number.h"

namespace glm_image::cli {

/// Accepts numbers from `least` to `most`, written as in JSON. CLI::Range accepts NaN.
inline CLI::Validator decimal_number(double least, double most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    const auto given = io::number_from_text(text);
    if (given && given->get<double>() >= least && given->get<double>() <= most) return {};
    return concat("must be a number from ", least, " to ", most, "; found ", text);
  };
  return CLI::Validator(check, /*validator_desc=*/"");
}

}  // namespace glm_image::cli
