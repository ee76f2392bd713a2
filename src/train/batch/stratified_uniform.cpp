#include "train/batch/stratified_uniform.h"

namespace glm_image::train {

Tensor stratified_uniform(int64_t batch, int64_t repeats, at::Generator& random) {
  std::vector<Tensor> strata;
  for (int64_t repeat = 0; repeat < repeats; ++repeat) {
    strata.push_back(at::randperm(batch, random, at::TensorOptions(at::kLong)) + repeat * batch);
  }
  const int64_t count = repeats * batch;
  const auto offsets = at::rand({count}, random, at::TensorOptions(at::kFloat));
  return (at::cat(strata) + offsets) / static_cast<double>(count);
}

}  // namespace glm_image::train
