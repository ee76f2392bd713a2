#include "train/batch/random_crop.h"

namespace glm_image::train {

Tensor crop_rows(const Tensor& x, const Tensor& tops, int64_t rows, int64_t scale) {
  if (x.size(-2) == rows * scale) return x;
  std::vector<Tensor> crops;
  for (int64_t i = 0; i < x.size(0); ++i) {
    crops.push_back(x[i].narrow(-2, tops[i].item<int64_t>() * scale, rows * scale));
  }
  return at::stack(crops);
}

}  // namespace glm_image::train
