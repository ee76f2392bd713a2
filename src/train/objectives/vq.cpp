#include "train/objectives/vq.h"

#include <utility>

namespace glm_image::train {

Vq::Vq(Decoder decode, double commitment_weight)
    : decode_(std::move(decode)), commitment_weight_(commitment_weight) {}

VqResult Vq::loss(const VqBatch& batch) const {
  const auto tokens = vector_quantisation({batch.vectors, batch.codes});
  const auto pixel_error = (decode_(tokens.quantised) - batch.pixels).abs().mean();
  return {pixel_error + commitment_weight_ * tokens.commitment, pixel_error, tokens};
}

}  // namespace glm_image::train
