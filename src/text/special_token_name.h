#pragma once

#include <string>

#include "io/json_file.h"

namespace glm_image::text {

/// The token that a tokenizer_config.json names for a role ("eos_token", "image_token", …): a
/// string, or an object whose "content" is one. Roles that a model adds of its own stand beside
/// the others, or inside "extra_special_tokens" or "model_specific_special_tokens", by the version
/// of transformers that wrote the file. Throws kCorruptFile when the file names none.
std::string special_token_name(const io::JsonFields& config, const std::string& role);

}  // namespace glm_image::text
