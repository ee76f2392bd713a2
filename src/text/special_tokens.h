#pragma once

#include "io/json_file.h"
#include "text/tokenizer_file.h"

namespace glm_image::text {

/// Adds to `file` the special tokens that a tokenizer_config.json names beside tokenizer.json, as
/// transformers does: those of `added_tokens_decoder`, the lists `additional_special_tokens` and
/// `extra_special_tokens`, and every role ("bos_token", "image_token", …). They are then found in
/// texts as written. A name that the vocabulary does not have and no id is given for is skipped.
///
/// Throws kCorruptFile where an id contradicts tokenizer.json, kUnsupported for a token that
/// strips the white space around it.
void add_special_tokens(const io::JsonFields& tokenizer_config, TokenizerFile& file);

}  // namespace glm_image::text
