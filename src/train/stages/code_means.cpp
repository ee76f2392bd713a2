#include "train/stages/code_means.h"

#include "models/transformer/patches.h"

namespace glm_image::train {

Tensor mean_under_codes(ExampleReader& reader,
                        const PictureCodes& codes,
                        const FeatureMap& features,
                        int64_t examples,
                        const PictureSize* size) {
  Tensor sums;
  auto counts = at::zeros({codes.codes(), 1});
  for (int64_t i = 0; i < examples; ++i) {
    const auto example = reader.example(i);
    const auto picture = example->picture(size == nullptr ? example->size : *size);
    const auto grid = text::target_grid(picture.height, picture.width);
    const auto ids =
        codes.encode(codes.patches(picture).unsqueeze(0), grid.height, grid.width).flatten().cpu();
    const auto map = features(*example, picture).cpu();
    const auto of_tokens = models::patchify(map, map.size(3) / grid.width)[0];
    if (!sums.defined()) sums = at::zeros({codes.codes(), of_tokens.size(1)});
    sums.index_add_(0, ids, of_tokens);
    counts.index_add_(0, ids, at::ones({ids.size(0), 1}));
  }
  return sums / counts.clamp_min(1);
}

}  // namespace glm_image::train
