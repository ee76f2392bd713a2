#include "nano/training/code_embedding.h"

#include "nano/training/token_kinds.h"
#include "nano/training/token_parts.h"

namespace glm_image::nano {

Tensor log_contents_under_codes(train::ExampleReader& reader,
                                const train::PictureCodes& codes,
                                const posters::PosterSource& source,
                                int64_t posters) {
  // Smoothing: unseen among a few thousand posters does not mean impossible.
  constexpr double kLeast = 0.01;
  auto counts = count_part_answers(source);
  counts.insert(counts.begin(), count_token_kinds(source));
  const auto contents = [&](train::TrainingExample& example, const Image& picture) {
    const auto& poster = as_poster(example).poster();
    const auto grid = text::target_grid(picture.height, picture.width);
    const auto kinds = token_kinds(source, poster.scene, poster.layout, grid);
    const auto flags = content_flags(kinds, token_parts(source, poster, grid), counts);
    return flags.t().reshape({1, -1, grid.height, grid.width});
  };
  const auto shares = train::mean_under_codes(reader, codes, contents, posters);
  const auto is_seen = shares.sum(1, /*keepdim=*/true) > 0;
  return at::where(is_seen, (shares + kLeast).log(), at::zeros_like(shares));
}

namespace {

/// Projects the rows to their `width` leading principal components, scaled to unit RMS. Rows of
/// zeros stay zero.
Tensor strongest_directions(const Tensor& features, int64_t width) {
  const auto is_seen = features.abs().amax(1, /*keepdim=*/true) > 0;
  const auto mean = features.sum(0) / is_seen.sum();
  const auto centred = at::where(is_seen, features - mean, at::zeros_like(features));
  const auto directions = std::get<2>(at::linalg_svd(centred, /*full_matrices=*/false));
  const int64_t kept = std::min(width, directions.size(0));
  const auto found = at::matmul(centred, directions.narrow(0, 0, kept).transpose(0, 1));
  const auto rows = at::constant_pad_nd(found, {0, width - kept});
  return rows / rows.square().mean().sqrt().clamp_min(1e-12);
}

}  // namespace

Tensor embedding_of_codes(const std::vector<Tensor>& features, int64_t width) {
  std::vector<Tensor> parts;
  const auto count = static_cast<int64_t>(features.size());
  for (int64_t i = 0; i < count; ++i) {
    parts.push_back(strongest_directions(features[i], (i + 1) * width / count - i * width / count));
  }
  return at::cat(parts, /*dim=*/1);
}

}  // namespace glm_image::nano
