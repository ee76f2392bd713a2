#pragma once

#include <optional>

#include "glm_image/pipeline.h"

namespace glm_image::pipeline {

/// Measures the seconds per step of a stage.
class Pace {
 public:
  /// Returns the seconds that the remaining steps of the present stage take. `elapsed`: seconds
  /// since the stage began. Returns nothing before the speed is known. Call with every report of
  /// progress, in order.
  std::optional<double> seconds_left(const Progress& now, double elapsed);

 private:
  Progress last_;
  /// Start of the measurement. The first image token also processes the prompt, and the first
  /// denoising step the condition pictures, so these stages are measured from the end of their
  /// first step.
  int64_t first_step_ = 0;
  double first_elapsed_ = 0;
  bool is_first_ = true;
};

}  // namespace glm_image::pipeline
