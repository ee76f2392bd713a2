#pragma once

#include <functional>

#include "train/objectives/vector_quantisation.h"

namespace glm_image::train {

/// T tokens of pictures, to be predicted from the codes nearest to them.
struct VqBatch {
  Tensor vectors;  ///< [T, D] float32, unit vectors of the encoder
  Tensor codes;    ///< [K, D] float32, unit vectors; no gradient
  Tensor pixels;   ///< [T, P] float32, what the token of each vector shows
};

struct VqResult {
  Tensor loss;             ///< scalar float32
  Tensor pixel_error;      ///< scalar float32, the loss without the commitment
  QuantisedTokens tokens;  ///< for the next update of the codebook
};

/// The vector-quantised autoencoder (van den Oord et al. 2017). The codes are not trained by the
/// loss: they follow the vectors (MovingCodebook).
class Vq {
 public:
  /// Predicts pixels [T, P] float32 from quantised vectors [T, D].
  using Decoder = std::function<Tensor(const Tensor& quantised)>;

  Vq(Decoder decode, double commitment_weight);

  /// loss = mean |decode(q(v)) − pixels| + commitment_weight·mean(1 − cos(v, q(v))), where q(v) is
  /// the code nearest to the vector v.
  VqResult loss(const VqBatch& batch) const;

 private:
  Decoder decode_;
  double commitment_weight_;
};

}  // namespace glm_image::train
