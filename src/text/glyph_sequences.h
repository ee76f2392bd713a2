#pragma once

#include "text/byte_tokenizer.h"

namespace glm_image::text {

/// Returns the glyph encoder's sequences for the texts of one picture, not yet padded to the same
/// length. An empty list counts as one empty text. If the number of texts is even, each begins with
/// a pad token that is not masked: this is the reference's rule, with which the model was trained.
std::vector<std::vector<int64_t>> glyph_sequences(const ByteTokenizer& tokenizer,
                                                  const std::vector<std::string>& texts);

}  // namespace glm_image::text
