#pragma once

#include <utility>

#include "core/torch.h"

namespace glm_image::models {

/// The image tokens of one evaluation, spread over ranks: each rank computes its own tokens, in a
/// row, and the text tokens. A token attends to those of all ranks, whose keys and values are
/// gathered in every block. The model does not depend on how they are sent.
class TokenShare {
 public:
  virtual ~TokenShare() = default;
  /// The first of this rank's tokens and their number, of `image_tokens`.
  virtual std::pair<int64_t, int64_t> own(int64_t image_tokens) const = 0;
  /// Keys and values of this rank's tokens, each [B, own, H, D] → of all tokens, [B, T, H, D].
  virtual std::pair<Tensor, Tensor> gather(const Tensor& keys,
                                           const Tensor& values,
                                           int64_t image_tokens) = 0;
  /// Outputs of this rank's tokens, [B, own, C] → of all tokens, [B, T, C].
  virtual Tensor gather(const Tensor& outputs, int64_t image_tokens) = 0;
};

}  // namespace glm_image::models
