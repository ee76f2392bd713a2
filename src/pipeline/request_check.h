#pragma once

#include "glm_image/request.h"
#include "pipeline/checkpoint.h"

namespace glm_image::pipeline {

/// Checks every field of a request and fills in what it leaves to the model: the size, the
/// steps, the guidance and the sampling settings come back resolved. Throws kInvalidInput naming
/// the field, what is allowed and what was given. Nothing is computed before this passed.
Request resolve_request(const Request& request, const Checkpoint& checkpoint);

/// The texts that a picture of this request must spell: those that the prompt quotes, then those
/// given beside it. In NFC unless the rules are the reference's.
std::vector<std::string> texts_to_spell(const Request& request);

/// Throws kInvalidInput unless both sides are multiples of 32 from 32 to 4096.
void check_size(int64_t width, int64_t height);

}  // namespace glm_image::pipeline
