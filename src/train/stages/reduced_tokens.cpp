#include "train/stages/reduced_tokens.h"

#include "models/transformer/patches.h"
#include "train/batch/picture_batch.h"

namespace glm_image::train {

Tensor reduced_by_tokens(const std::vector<Image>& pictures) {
  constexpr int64_t kReduction = text::kTokenSide / kReducedPatch;
  const auto reduced = at::avg_pool2d(picture_batch(pictures), {kReduction, kReduction});
  return models::patchify(reduced, kReducedPatch);
}

Image picture_of_reduced(const Tensor& tokens, const text::Grid& grid) {
  const auto reduced =
      models::unpatchify(tokens.view({1, grid.size(), -1}), grid.height, grid.width, kReducedPatch);
  return picture_of(at::upsample_nearest2d(
      reduced, {grid.height * text::kTokenSide, grid.width * text::kTokenSide})[0]);
}

}  // namespace glm_image::train
