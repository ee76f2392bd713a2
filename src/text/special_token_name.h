#pragma once

#include <cstdint>
#include <string>

#include "io/json_file.h"

namespace glm_image::text {

/// Returns the id that is a key of "added_tokens_decoder" in a tokenizer_config.json. Throws
/// kCorruptFile unless it is a number from 0 to `most`.
int64_t added_token_id(const io::JsonFields& config, const std::string& key, int64_t most);

/// Throws kUnsupported for an added token that strips neighbouring white space or matches only
/// whole words.
void require_plain_token(const io::JsonFields& token);

/// Returns the token that a tokenizer_config.json gives for a role ("eos_token", "image_token", …):
/// a string, or the "content" of an object. Depending on the version of transformers that wrote the
/// file, a model's own roles are at the top level or inside "extra_special_tokens" or
/// "model_specific_special_tokens". Throws kCorruptFile if the role has no token.
std::string special_token_name(const io::JsonFields& config, const std::string& role);

}  // namespace glm_image::text
