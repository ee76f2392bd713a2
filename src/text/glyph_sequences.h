#pragma once

#include "text/byte_tokenizer.h"

namespace glm_image::text {

/// The glyph encoder's sequences for the texts of one picture, not yet padded to one length. No
/// texts are one empty text; an even number of them gets a pad in front of each, which is not
/// masked: the reference's rule, seen by the model in training.
std::vector<std::vector<int64_t>> glyph_sequences(const ByteTokenizer& tokenizer,
                                                  const std::vector<std::string>& texts);

}  // namespace glm_image::text
