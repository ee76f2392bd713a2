#pragma once

#include <vector>

#include "core/torch.h"
#include "posters/poster_source.h"
#include "posters/renderer.h"
#include "text/grid.h"

namespace glm_image::train {

/// What cross_entropy_loss leaves out unless told otherwise.
inline constexpr int64_t kNoAnswer = -100;

/// Along a side of a preview grid, unless its picture is four times as long as wide.
inline constexpr int64_t kMostTokens = 32;

/// What a prompt says of its poster, as questions with so many possible answers each:
///   - for every place (posters::Place) which kind (token_kinds.h) stands there, 0 where nothing;
///   - the ground's colour, and its second one (one more, 0 where there is none);
///   - for every place the first and last column and the first and last row of tokens that show its
///     item, and its last column in the first and in the last of these rows, where a text's first
///     and last line end; up to the kMostTokens-th, no answer where nothing stands.
/// The last follow from the text, its place and what stands beside it, as the letters of a line do:
/// whoever draws row by row must know them before the first token of an item.
std::vector<int64_t> count_scene_answers(const posters::PosterSource& source);
/// How many of the questions, the first ones, are not about edges.
int64_t count_kind_questions();
/// Which place (posters::Place) each question is about; the ground's are with the first place's.
std::vector<int64_t> places_of_questions();
/// [questions] int64, for the scene's layout at the grid's size.
Tensor scene_answers(const posters::PosterSource& source,
                     const posters::Scene& scene,
                     const posters::Layout& layout,
                     const text::Grid& grid);

}  // namespace glm_image::train
