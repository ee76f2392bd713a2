#include "train/code_latents.h"

#include "train/picture_batch.h"

namespace glm_image::train {

Tensor mean_code_latents(PosterFeed& feed,
                         const PictureCodes& codes,
                         const std::function<Tensor(const Tensor&)>& latents_of,
                         int64_t posters) {
  constexpr int64_t kSide = 256, kTokens = kSide / text::kPixelsPerToken;
  Tensor sums;
  auto counts = at::zeros({codes.codes(), 1});
  for (int64_t i = 0; i < posters; ++i) {
    const auto image = feed.example(i, kSide, kSide).image;
    const auto ids = codes.encode(codes.patches(image).unsqueeze(0), kTokens, kTokens).cpu();
    const auto latents = latents_of(picture_batch({image})).cpu();
    const int64_t channels = latents.size(1), cells = latents.size(3) / kTokens;
    const auto under_tokens = latents.view({channels, kTokens, cells, kTokens, cells})
                                  .permute({1, 3, 0, 2, 4})
                                  .reshape({kTokens * kTokens, -1});
    if (!sums.defined()) sums = at::zeros({codes.codes(), under_tokens.size(1)});
    sums.index_add_(0, ids.flatten(), under_tokens);
    counts.index_add_(0, ids.flatten(), at::ones({kTokens * kTokens, 1}));
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
