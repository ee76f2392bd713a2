#include "train/weights/ema.h"

#include <algorithm>

namespace glm_image::train {

ExponentialMovingAverage::ExponentialMovingAverage(MixedPrecisionAdamW& optimizer, double decay)
    : optimizer_(optimizer), decay_(decay), average_(at::zeros_like(optimizer.masters())) {}

void ExponentialMovingAverage::reset() {
  const at::NoGradGuard no_grad;
  average_.copy_(optimizer_.masters());
}

void ExponentialMovingAverage::update() {
  const at::NoGradGuard no_grad;
  // The decay grows with the number of steps, so that early averages forget the random start.
  const auto taken = static_cast<double>(optimizer_.steps_taken());
  const double decay = std::min(decay_, (1 + taken) / (10 + taken));
  average_.lerp_(optimizer_.masters(), 1 - decay);
}

void ExponentialMovingAverage::copy_to_modules() {
  optimizer_.use(average_);
}

NamedTensors ExponentialMovingAverage::state() const {
  return optimizer_.views("average.", average_);
}

int64_t ExponentialMovingAverage::bytes_for(const std::vector<TrainedModule>& modules) {
  return MixedPrecisionAdamW::values_of(modules) * static_cast<int64_t>(sizeof(float));
}

}  // namespace glm_image::train
