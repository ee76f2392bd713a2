#pragma once

#include <vector>

#include "core/torch.h"
#include "nano/posters/poster_source.h"
#include "nano/posters/renderer.h"
#include "nano/training/classifier_head.h"
#include "nano/training/position_reader.h"
#include "text/grid.h"

namespace glm_image::nano {

/// Number of answers to each of the questions about a poster's scene:
/// - for each place (posters::Place), the class (token_kinds.h) of its item, 0 if it is empty;
/// - the background's first colour, and its second one plus 1, or 0 if it is not a gradient;
/// - for each place, the extent of its item in tokens: the first and last column, the first and
///   last row, and its last column in each of these rows. They are clamped to kMostTokens − 1; an
///   empty place has no answer.
///
/// The extents follow from the text, its place and the neighbouring items. A model that draws row
/// by row needs them before the first token of an item.
std::vector<int64_t> count_scene_answers(const posters::PosterSource& source);
/// Number of leading questions that are not about extents.
int64_t count_kind_questions();
/// Index of the place (posters::Place) of each question; 0 for the background's questions.
std::vector<int64_t> places_of_questions();
/// The answers for a scene with a layout at the grid's size, [questions] int64.
Tensor scene_answers(const posters::PosterSource& source,
                     const posters::Scene& scene,
                     const posters::Layout& layout,
                     const text::Grid& grid);

}  // namespace glm_image::nano
