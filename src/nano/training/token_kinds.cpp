#include "nano/training/token_kinds.h"

#include "nano/posters/poster_data.h"
#include "nano/training/index_of.h"
#include "nano/training/item_areas.h"

namespace glm_image::nano {

int64_t index_of_colour(const posters::PosterSource& source, const posters::Colour& colour) {
  return index_of(
      source.data().palette.colours(),
      [&](const auto& named) { return named.colour.id == colour.id; },
      colour.id);
}

int64_t kind_of(const posters::PosterSource& source, const posters::TextItem& item) {
  return 1 + index_of_colour(source, item.colour);
}

int64_t kind_of(const posters::PosterSource& source, const posters::PictogramItem& item) {
  return first_pictogram_kind(source) +
         index_of(
             source.data().pictograms.all(),
             [&](const auto& pictogram) { return pictogram.id == item.id; },
             item.id);
}

int64_t first_pictogram_kind(const posters::PosterSource& source) {
  return 1 + static_cast<int64_t>(source.data().palette.colours().size());
}

int64_t count_token_kinds(const posters::PosterSource& source) {
  return first_pictogram_kind(source) + static_cast<int64_t>(source.data().pictograms.all().size());
}

Tensor token_kinds(const posters::PosterSource& source,
                   const posters::Scene& scene,
                   const posters::Layout& layout,
                   const text::Grid& grid) {
  std::vector<int64_t> kinds;
  for (const auto& area : areas_of_tokens(layout, grid)) {
    if (!area) {
      kinds.push_back(0);
    } else if (area->kind == posters::BoxKind::kPictogram) {
      kinds.push_back(kind_of(source, scene.pictograms.at(area->index)));
    } else {
      kinds.push_back(kind_of(source, scene.texts.at(area->index)));
    }
  }
  return torch::tensor(kinds);
}

Tensor kind_changes(const Tensor& kinds, int64_t height, int64_t width) {
  const auto rows = kinds.view({-1, height, width});
  return (rows != at::constant_pad_nd(rows.narrow(2, 0, width - 1), {1, 0})).flatten(1);
}

Tensor kind_starts(const Tensor& kinds, int64_t height, int64_t width) {
  const auto rows = kinds.view({-1, height, width});
  const auto above = at::constant_pad_nd(rows.narrow(1, 0, height - 1), {0, 0, 1, 0});
  return kind_changes(kinds, height, width)
      .logical_and((rows != above).flatten(1))
      .logical_and(kinds > 0);
}

Tensor change_weights(const Tensor& kinds, const text::Grid& grid, double change_weight) {
  auto changes = kind_changes(kinds, grid.height, grid.width).flatten().to(at::kFloat);
  changes[0] = 1;
  return 1 + (change_weight - 1) * changes;
}

}  // namespace glm_image::nano
