#pragma once

#include <functional>
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
  /// Begins to gather keys or values of this rank's tokens, [B, own, H, D]. The result waits for
  /// those of all tokens, [B, T, H, D], which may be rounded. `heads` must keep its values until
  /// then. All ranks begin in the same order.
  virtual std::function<Tensor()> begin_gather(const Tensor& heads, int64_t image_tokens) = 0;
  /// Outputs of this rank's tokens, [B, own, C] → of all tokens, [B, T, C].
  virtual Tensor gather(const Tensor& outputs, int64_t image_tokens) = 0;
};

}  // namespace glm_image::models
