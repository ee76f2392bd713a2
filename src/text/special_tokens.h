#pragma once

#include "io/json_file.h"
#include "text/tokenizer_file.h"

namespace glm_image::text {

/// Adds to `file` the special tokens of a tokenizer_config.json, as transformers does: those of
/// `added_tokens_decoder`, of the lists `additional_special_tokens` and `extra_special_tokens`, and
/// of every role ("bos_token", "image_token", …). They are then matched literally in texts. A token
/// that has no id and is not in the vocabulary is skipped.
///
/// Throws kCorruptFile if an id contradicts tokenizer.json, kUnsupported for a token that strips
/// the white space around it.
void add_special_tokens(const io::JsonFields& tokenizer_config, TokenizerFile& file);

}  // namespace glm_image::text
