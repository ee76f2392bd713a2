#include "train/batch/conditioning_noise.h"

namespace glm_image::train {

Tensor with_random_codes(const Tensor& codes,
                         int64_t count_of_codes,
                         double share,
                         at::Generator& random) {
  const auto wrong = at::rand(codes.sizes(), random, at::TensorOptions(at::kFloat)) < share;
  const auto others =
      at::randint(count_of_codes, codes.sizes(), random, at::TensorOptions(at::kLong));
  return at::where(wrong.to(codes.device()), others.to(codes.device()), codes);
}

}  // namespace glm_image::train
