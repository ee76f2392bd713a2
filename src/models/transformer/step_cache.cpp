#include "models/transformer/step_cache.h"

namespace glm_image::models {

bool StepCache::may_skip(const Tensor& first) {
  if (threshold_ <= 0 || !first_.defined() || first_.sizes() != first.sizes()) return false;
  const double change = (first - first_).abs().mean(at::kFloat).item<double>();
  const double size = first_.abs().mean(at::kFloat).item<double>();
  if (!(change < threshold_ * size)) return false;
  ++skipped_;
  return true;
}

void StepCache::keep(const Tensor& first, const Tensor& rest) {
  first_ = first;
  rest_ = rest;
}

}  // namespace glm_image::models
