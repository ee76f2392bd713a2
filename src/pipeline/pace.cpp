#include "pipeline/pace.h"

namespace glm_image::pipeline {

std::optional<double> Pace::seconds_left(const Progress& now, double elapsed) {
  const bool new_stage = is_first_ || now.stage != last_.stage || now.step < last_.step;
  is_first_ = false;
  last_ = now;
  if (new_stage) first_step_ = 0, first_elapsed_ = 0;
  if (now.step <= 0) return std::nullopt;
  const bool begins_slowly = now.stage == Stage::kImageTokens || now.stage == Stage::kDenoising;
  if (begins_slowly && first_step_ == 0) {
    first_step_ = now.step;
    first_elapsed_ = elapsed;
  }
  if (now.step <= first_step_) {
    // Long steps: the first is the best estimate until the second is done.
    const bool is_guess = now.stage == Stage::kDenoising && now.step == 1;
    if (!is_guess) return std::nullopt;
    return elapsed * static_cast<double>(now.total - now.step);
  }
  const auto done = static_cast<double>(now.step - first_step_);
  return (elapsed - first_elapsed_) / done * static_cast<double>(now.total - now.step);
}

}  // namespace glm_image::pipeline
