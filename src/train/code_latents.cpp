#include "train/code_latents.h"

#include "models/transformer/patches.h"
#include "train/picture_batch.h"

namespace glm_image::train {

Tensor mean_under_codes(PosterFeed& feed,
                        const PictureCodes& codes,
                        const std::function<Tensor(const Tensor&)>& seen_as,
                        int64_t posters,
                        int64_t side) {
  const int64_t tokens = side / text::kPixelsPerToken;
  Tensor sums;
  auto counts = at::zeros({codes.codes(), 1});
  for (int64_t i = 0; i < posters; ++i) {
    const auto image = feed.example(i, side, side).image;
    const auto ids =
        codes.encode(codes.patches(image).unsqueeze(0), tokens, tokens).flatten().cpu();
    const auto seen = seen_as(picture_batch({image})).cpu();
    const auto under_tokens = models::patchify(seen, seen.size(3) / tokens)[0];
    if (!sums.defined()) sums = at::zeros({codes.codes(), under_tokens.size(1)});
    sums.index_add_(0, ids, under_tokens);
    counts.index_add_(0, ids, at::ones({ids.size(0), 1}));
  }
  return sums / counts.clamp_min(1);
}

Tensor embedding_of_latents(const Tensor& latents, int64_t width) {
  const auto is_seen = latents.abs().amax(1, /*keepdim=*/true) > 0;
  const auto mean = latents.sum(0) / is_seen.sum();
  const auto centred = at::where(is_seen, latents - mean, at::zeros_like(latents));
  const auto directions = std::get<2>(at::linalg_svd(centred, /*full_matrices=*/false));
  const int64_t kept = std::min(width, directions.size(0));
  const auto found = at::matmul(centred, directions.narrow(0, 0, kept).transpose(0, 1));
  const auto rows = at::constant_pad_nd(found, {0, width - kept});
  return rows / rows.square().mean().sqrt().clamp_min(1e-12);
}

}  // namespace glm_image::train
