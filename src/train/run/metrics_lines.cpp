#include "train/run/metrics_lines.h"

#include <cmath>
#include <limits>

#include "io/json_file.h"
#include "train/config/run_limits.h"

namespace glm_image::train {
namespace {

constexpr const char* kNotFinite = "not finite";

Metrics metrics_of(const io::JsonFields& fields, int64_t least_step) {
  Metrics metrics;
  metrics.step = fields.required_int64("step", least_step, kMostSteps);
  for (const auto& [name, value] : fields.json().items()) {
    if (name == "step") continue;
    // Older files have null for infinite means.
    if (value == kNotFinite || value.is_null()) {
      metrics.values[name] = std::numeric_limits<double>::quiet_NaN();
    } else if (value.is_number()) {
      metrics.values[name] = value.get<double>();
    } else {
      fields.refuse(name, concat("a number or \"", kNotFinite, "\""));
    }
  }
  return metrics;
}

}  // namespace

std::string to_line(const Metrics& metrics) {
  nlohmann::ordered_json line = {{"step", metrics.step}};
  for (const auto& [name, value] : metrics.values) {
    if (std::isfinite(value)) {
      line[name] = value;
    } else {
      line[name] = kNotFinite;
    }
  }
  return line.dump() + "\n";
}

std::vector<MetricsLine> read_metrics_lines(const std::string& text, const std::string& source) {
  std::vector<MetricsLine> lines;
  int64_t number = 0, least_step = 0;
  for (size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    auto line = text.substr(begin, end - begin);
    const auto line_source = concat(source, ", line ", ++number);
    const bool is_cut = end == text.size();
    io::Json json;
    try {
      json = io::parse_json(line, line_source);
    } catch (const Error&) {
      if (is_cut) break;
      fail(ErrorCode::kCorruptFile, line_source, ": is not valid JSON");
    }
    auto metrics = metrics_of(io::JsonFields(std::move(json), line_source), least_step);
    least_step = metrics.step + 1;
    lines.push_back({std::move(metrics), std::move(line)});
  }
  return lines;
}

}  // namespace glm_image::train
