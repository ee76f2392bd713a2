#pragma once

#include "core/torch.h"
#include "nano/posters/poster_source.h"
#include "nano/posters/renderer.h"
#include "text/grid.h"

namespace glm_image::nano {

/// The classes of a poster's tokens: background (0), then text in each colour of the data, then
/// each pictogram of the data.
int64_t count_token_kinds(const posters::PosterSource& source);
int64_t first_pictogram_kind(const posters::PosterSource& source);
int64_t kind_of(const posters::PosterSource& source, const posters::TextItem& item);
int64_t kind_of(const posters::PosterSource& source, const posters::PictogramItem& item);

/// Index of a colour in the data. Throws kInternal if it is not there.
int64_t index_of_colour(const posters::PosterSource& source, const posters::Colour& colour);

/// The class of each token, [tokens] int64, for a poster with a layout at the grid's size. A token
/// has the class of the item that covers most of it (item_areas.h).
Tensor token_kinds(const posters::PosterSource& source,
                   const posters::Scene& scene,
                   const posters::Layout& layout,
                   const text::Grid& grid);

/// True where a token's class differs from its left neighbour's, [N, height·width] bool. `kinds`
/// [N, height·width] int64. Outside the grid is background.
Tensor kind_changes(const Tensor& kinds, int64_t height, int64_t width);
/// True where an item's class appears first: neither the left nor the upper token has it. Shapes as
/// for kind_changes.
Tensor kind_starts(const Tensor& kinds, int64_t height, int64_t width);

/// Loss weights of the tokens of a grid, [tokens] float32: `change_weight` where kind_changes is
/// true and at the first token, 1 elsewhere. `kinds` [tokens] int64.
Tensor change_weights(const Tensor& kinds, const text::Grid& grid, double change_weight);

}  // namespace glm_image::nano
