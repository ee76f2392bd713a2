#pragma once

#include "nano/training/poster_training_data.h"
#include "train/stages/code_means.h"

namespace glm_image::nano {

/// Log-probabilities of the token classes (token_kinds.h) and of the answers about an item's cells
/// (token_parts.h) given a code, [codes, classes + answers of all questions] float32. Codes that
/// none of these posters uses get zeros.
Tensor log_contents_under_codes(train::ExampleReader& reader,
                                const train::PictureCodes& codes,
                                const posters::PosterSource& source,
                                int64_t posters);

/// Initial code embeddings, [codes, width]. Each input [codes, any] contributes an equal share of
/// the columns: its leading principal components, scaled to unit RMS and padded with zeros.
///
/// Similar codes thus start with similar embeddings. With a random start, the DiT learns each code
/// separately, and pictogram codes are too rare for that.
Tensor embedding_of_codes(const std::vector<Tensor>& features, int64_t width);

}  // namespace glm_image::nano
