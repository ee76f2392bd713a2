#pragma once

#include <vector>

#include "core/torch.h"
#include "nano/training/poster_feed.h"
#include "text/grid.h"

namespace glm_image::nano {

/// Number of answers to each question about the cell of its item that a token shows. Cells have the
/// size of the grid that layouts are aligned to (posters::kGrid).
///    0: pictogram: row and column of the cell;
///    1: text: column, counted in cells from the start of its line;
///    2: text: index of the line;
///    3: text: height above the base line, in half cells;
///    4, 5: text: size (posters::kTextSizes) and style.
///
/// A token is as large as a cell at 256×256 and half as large in a preview. Both sizes therefore
/// have the same answers for the same part of a poster, except for question 3.
std::vector<int64_t> count_part_answers(const posters::PosterSource& source);

/// The answers, [questions, tokens] int64, for a poster with a layout at the grid's size; kNoAnswer
/// (scene_questions.h) where a question does not apply. Items are assigned to tokens as in
/// token_kinds.
Tensor token_parts(const posters::PosterSource& source,
                   const PosterExample& example,
                   const text::Grid& grid);

/// One-hot encoding of kinds [tokens] and parts [questions, tokens], [tokens, sum of counts]
/// float32. kNoAnswer gives zeros. `counts`: number of classes, then of each question's answers.
Tensor content_flags(const Tensor& kinds, const Tensor& parts, const std::vector<int64_t>& counts);

}  // namespace glm_image::nano
