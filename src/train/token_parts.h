#pragma once

#include <vector>

#include "core/torch.h"
#include "text/grid.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// Which part of its item a token shows, as questions with so many possible answers each:
///   0: of a pictogram, row and column, in steps of the grid that posters are laid out on
///      (posters::kGrid);
///   1: of a text, how many such steps behind the start of its line;
///   2: which of the text's lines;
///   3: how many half steps above the base line;
///   4, 5: which size (posters::kTextSizes), and which style.
/// At 256×256 a token is one step long, and in a preview half a one. So both sizes have the same
/// answers for the same part of a poster, but for question 3.
std::vector<int64_t> count_part_answers(const posters::PosterSource& source);

/// [questions, tokens of the grid] int64, kNoAnswer (scene_questions.h) where a question has no
/// meaning; for a poster that is laid out at the grid's size. What a token shows is told as by
/// token_kinds.
Tensor token_parts(const posters::PosterSource& source,
                   const PosterExample& example,
                   const text::Grid& grid);

/// Kinds [tokens] and parts [questions, tokens] as flags, [tokens, sum of counts] float32, 0 or 1;
/// where there is no answer, none of its flags. `counts`: of the kinds, then of each question's
/// answers.
Tensor content_flags(const Tensor& kinds, const Tensor& parts, const std::vector<int64_t>& counts);

}  // namespace glm_image::train
