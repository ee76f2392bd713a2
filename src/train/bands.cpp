#include "train/bands.h"

#include <algorithm>
#include <cmath>

#include "text/grid.h"

namespace glm_image::train {

int64_t band_top(const PosterExample& example,
                 int64_t rows,
                 double texts_share,
                 at::Generator& random) {
  const auto draw = [&] {
    return at::rand({}, random, at::TensorOptions(at::kDouble)).item<double>();
  };
  const bool of_text = texts_share > 0 && draw() < texts_share;
  std::vector<posters::ItemBox> boxes;
  for (const auto& box : example.layout.boxes) {
    if (!of_text || box.kind == posters::BoxKind::kText) boxes.push_back(box);
  }
  if (boxes.empty()) boxes = example.layout.boxes;
  const auto& box = boxes.at(static_cast<size_t>(draw() * static_cast<double>(boxes.size())));
  const double centre = (static_cast<double>(box.y) + static_cast<double>(box.height) / 2) /
                        static_cast<double>(text::kPixelsPerToken);
  const auto top =
      static_cast<int64_t>(std::floor(centre - static_cast<double>(rows) / 2 + draw()));
  return std::clamp<int64_t>(top, 0, example.image.height / text::kPixelsPerToken - rows);
}

Tensor cut_bands(const Tensor& x, const Tensor& tops, int64_t rows, int64_t scale) {
  if (x.size(-2) == rows * scale) return x;
  std::vector<Tensor> bands;
  for (int64_t i = 0; i < x.size(0); ++i) {
    bands.push_back(x[i].narrow(-2, tops[i].item<int64_t>() * scale, rows * scale));
  }
  return at::stack(bands);
}

}  // namespace glm_image::train
