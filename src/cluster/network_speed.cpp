#include "cluster/network_speed.h"

#include <cmath>
#include <cstdlib>
#include <map>

#include "core/error.h"

namespace glm_image::cluster {
namespace {

/// Parses a number and a unit of the table; 0 for any other text.
double in_units(const std::string& text, const std::map<std::string, double>& units) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const auto unit = units.find(end);
  const bool is_valid = end != text.c_str() && unit != units.end() && std::isfinite(number);
  return is_valid && number > 0 ? number * unit->second : 0;
}

}  // namespace

double parse_bandwidth(const std::string& text) {
  const double bits = in_units(text, {{"kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}});
  if (bits <= 0) {
    fail(ErrorCode::kInvalidInput,
         "--bandwidth must be a number of kbit, Mbit or Gbit (per second), such as 1Gbit; found '",
         text,
         "'");
  }
  return bits / 8;
}

double parse_latency(const std::string& text) {
  const double seconds = in_units(text, {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}});
  if (seconds <= 0) {
    fail(ErrorCode::kInvalidInput,
         "--latency must be a number of us, ms or s, such as 0.5ms; found '",
         text,
         "'");
  }
  return seconds;
}

}  // namespace glm_image::cluster
