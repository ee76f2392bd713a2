#pragma once

#include <string>
#include <vector>

#include "train/metrics_window.h"

namespace glm_image::train {

/// One line of metrics.jsonl: a JSON object with "step" and the means by name. A value that was
/// measured but never finite is NaN here and "not finite" in the file, since JSON has no NaN and a
/// missing key would look like a value that was not measured.
struct Metrics {
  int64_t step = 0;
  Measured values;
};

/// The line, with its newline.
std::string to_line(const Metrics& metrics);

/// A line that was read back, and its text.
struct MetricsLine {
  Metrics metrics;
  std::string text;  ///< without its newline
};

/// All lines of a metrics file; `source` names it in messages. A last line without its newline that
/// is no JSON is left out: a process was killed while it wrote. Throws kCorruptFile naming the line
/// and the field for anything else that to_line does not write: steps that do not rise, values that
/// are no numbers.
std::vector<MetricsLine> read_metrics_lines(const std::string& text, const std::string& source);

}  // namespace glm_image::train
