#pragma once

#include <string>

#include "glm_image/pipeline.h"
#include "pipeline/duration_estimate.h"

namespace glm_image::pipeline {

/// Measured rates of this machine. They are stored in $XDG_CACHE_HOME/glm-image/rates.json (else in
/// ~/.cache) for each model, device, number type and number of threads. If the file cannot be read
/// or written, only the estimate is missing.
class LearnedRates {
 public:
  LearnedRates(const ModelInfo& model, int threads);

  const DurationEstimate& estimate() const { return estimate_; }
  /// Updates the rates with a finished run and stores them.
  void learn(const Request& request, const Result& result);

 private:
  std::string key_;
  DurationEstimate estimate_;
};

}  // namespace glm_image::pipeline
