#pragma once

#include "core/torch.h"
#include "posters/poster_source.h"
#include "posters/renderer.h"
#include "text/grid.h"

namespace glm_image::train {

/// What a token of a poster shows: the ground (0), a text of one of the data's colours (the kinds
/// from 1, in their order) or one of its pictograms (behind these, in theirs).
int64_t count_token_kinds(const posters::PosterSource& source);
int64_t first_pictogram_kind(const posters::PosterSource& source);
int64_t kind_of(const posters::PosterSource& source, const posters::TextItem& item);
int64_t kind_of(const posters::PosterSource& source, const posters::PictogramItem& item);

/// Which of the data's colours this is.
int64_t index_of_colour(const posters::PosterSource& source, const posters::Colour& colour);

/// [tokens of the grid] int64, for a poster that is laid out at the grid's size: of what takes a
/// part of a token (item_areas.h) it shows what takes most.
Tensor token_kinds(const posters::PosterSource& source,
                   const posters::Scene& scene,
                   const posters::Layout& layout,
                   const text::Grid& grid);

/// [N, height·width] true where a token of `kinds` [N, height·width] shows something else than its
/// neighbour on the left (beyond the edge is ground): an item begins in this row, or has ended.
Tensor kind_changes(const Tensor& kinds, int64_t height, int64_t width);
/// The same, true where an item is met first: neither on the left nor above stands the same kind.
Tensor kind_starts(const Tensor& kinds, int64_t height, int64_t width);

}  // namespace glm_image::train
