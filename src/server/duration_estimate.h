#pragma once

#include <optional>

#include "glm_image/request.h"

namespace glm_image::server {

/// How long a request will take, from how long those before it took: seconds per visual token,
/// seconds per pixel of a denoiser pass, seconds per pixel decoded, each a running mean. Not
/// synchronised.
class DurationEstimate {
 public:
  /// Seconds; nothing before the first picture is drawn. `request` has its size filled in.
  std::optional<double> seconds(const Request& request) const;
  void learn(const Request& request, const Result& result);

 private:
  struct Rate {
    double seconds_per_unit = 0;
    bool known = false;
    void learn(double seconds, double units);
  };
  Rate token_, denoised_pixel_, decoded_pixel_, rest_;
};

}  // namespace glm_image::server
