#include "train/code_latents.h"

#include "models/transformer/patches.h"
#include "train/token_kinds.h"
#include "train/token_parts.h"

namespace glm_image::train {

Tensor mean_under_codes(PosterFeed& feed,
                        const PictureCodes& codes,
                        const std::function<Tensor(const PosterExample&)>& seen_as,
                        int64_t posters,
                        const SizeOf& size_of) {
  Tensor sums;
  auto counts = at::zeros({codes.codes(), 1});
  for (int64_t i = 0; i < posters; ++i) {
    const auto size = size_of(i);
    const auto grid = text::target_grid(size.height, size.width);
    const auto example = feed.example(i, size.width, size.height);
    const auto ids =
        codes.encode(codes.patches(example.image).unsqueeze(0), grid.height, grid.width)
            .flatten()
            .cpu();
    const auto seen = seen_as(example).cpu();
    const auto under_tokens = models::patchify(seen, seen.size(3) / grid.width)[0];
    if (!sums.defined()) sums = at::zeros({codes.codes(), under_tokens.size(1)});
    sums.index_add_(0, ids, under_tokens);
    counts.index_add_(0, ids, at::ones({ids.size(0), 1}));
  }
  return sums / counts.clamp_min(1);
}

Tensor log_contents_under_codes(PosterFeed& feed,
                                const PictureCodes& codes,
                                int64_t posters,
                                const SizeOf& size_of) {
  constexpr double kLeast = 0.01;  // what was not seen among a few thousand posters may still be
  const auto& source = feed.source();
  auto counts = count_part_answers(source);
  counts.insert(counts.begin(), count_token_kinds(source));
  const auto shown = [&](const PosterExample& example) {
    const auto grid = text::target_grid(example.image.height, example.image.width);
    const auto kinds = token_kinds(source, example.scene, example.layout, grid);
    const auto flags = content_flags(kinds, token_parts(source, example, grid), counts);
    return flags.t().reshape({1, -1, grid.height, grid.width});
  };
  const auto shares = mean_under_codes(feed, codes, shown, posters, size_of);
  const auto is_seen = shares.sum(1, /*keepdim=*/true) > 0;
  return at::where(is_seen, (shares + kLeast).log(), at::zeros_like(shares));
}

namespace {

/// In its `width` strongest directions, of root mean square 1; rows of zeros stay so.
Tensor strongest_directions(const Tensor& told, int64_t width) {
  const auto is_seen = told.abs().amax(1, /*keepdim=*/true) > 0;
  const auto mean = told.sum(0) / is_seen.sum();
  const auto centred = at::where(is_seen, told - mean, at::zeros_like(told));
  const auto directions = std::get<2>(at::linalg_svd(centred, /*full_matrices=*/false));
  const int64_t kept = std::min(width, directions.size(0));
  const auto found = at::matmul(centred, directions.narrow(0, 0, kept).transpose(0, 1));
  const auto rows = at::constant_pad_nd(found, {0, width - kept});
  return rows / rows.square().mean().sqrt().clamp_min(1e-12);
}

}  // namespace

Tensor embedding_of_codes(const std::vector<Tensor>& told, int64_t width) {
  std::vector<Tensor> parts;
  const auto count = static_cast<int64_t>(told.size());
  for (int64_t i = 0; i < count; ++i) {
    parts.push_back(strongest_directions(told[i], (i + 1) * width / count - i * width / count));
  }
  return at::cat(parts, /*dim=*/1);
}

}  // namespace glm_image::train
