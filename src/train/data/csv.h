#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::train {

struct CsvRecord {
  int64_t line = 0;  ///< the line that it begins on, from 1
  std::vector<std::string> fields;
};

/// Splits comma-separated values (RFC 4180) with \n as line end: a field in double quotes may hold
/// commas, line ends and doubled quotes. Empty lines are skipped. Throws kCorruptFile naming
/// `source` and the line for a quote that is not closed or that does not end its field.
std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& source);

}  // namespace glm_image::train
