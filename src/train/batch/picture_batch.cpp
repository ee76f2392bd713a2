#include "train/batch/picture_batch.h"

#include "pipeline/image_settings.h"

namespace glm_image::train {

Tensor picture_batch(const std::vector<Image>& images) {
  std::vector<Tensor> pictures;
  pictures.reserve(images.size());
  for (const auto& image : images) pictures.push_back(pipeline::picture_tensor(image));
  return at::cat(pictures);
}

Image picture_of(const Tensor& values) {
  return pipeline::to_image(values.detach().to(at::kFloat) / 2 + 0.5);
}

}  // namespace glm_image::train
