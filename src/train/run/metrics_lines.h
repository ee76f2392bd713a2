#pragma once

#include <string>
#include <vector>

#include "train/run/metrics_window.h"

namespace glm_image::train {

/// One line of metrics.jsonl: a JSON object with "step" and means by name. A mean without any
/// finite value is NaN here and "not finite" in the file, because JSON has no NaN. A missing key
/// means that nothing was measured.
struct Metrics {
  int64_t step = 0;
  Measured values;
};

/// The line with its newline.
std::string to_line(const Metrics& metrics);

/// A parsed line and its text.
struct MetricsLine {
  Metrics metrics;
  std::string text;  ///< without the newline
};

/// Parses a metrics file; `source` names it in messages. An incomplete last line is ignored if it
/// is not valid JSON: a process was killed while writing it. Throws kCorruptFile naming the line
/// and the field if a line is not valid, a value is not a number, or the steps do not increase.
std::vector<MetricsLine> read_metrics_lines(const std::string& text, const std::string& source);

}  // namespace glm_image::train
