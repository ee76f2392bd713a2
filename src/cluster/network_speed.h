#pragma once

#include <string>

namespace glm_image::cluster {

/// The network between the ranks. The default is Ethernet as most machines have it.
struct NetworkSpeed {
  double bytes_per_second = 1e9 / 8;
  double latency_seconds = 0.5e-3;  ///< one way

  /// Seconds of one message.
  double seconds(double bytes) const { return latency_seconds + bytes / bytes_per_second; }
};

/// "1Gbit", "100Mbit" → bytes per second. Throws kInvalidInput.
double parse_bandwidth(const std::string& text);
/// "0.5ms", "200us", "1s" → seconds. Throws kInvalidInput.
double parse_latency(const std::string& text);

}  // namespace glm_image::cluster
