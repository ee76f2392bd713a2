#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace glm_image::server {

/// Throws ApiError 400 for the first field that would require an unsupported picture: a mask, a
/// negative prompt, a sampler, condition images where none are read. The message names the field
/// and the alternative. Names are compared without case and punctuation, so negativePrompt counts
/// too. Neutral values pass: null, "", [], {}, false, "none", "auto", "default", and 1 for a number
/// of pictures.
void refuse_unsupported(const nlohmann::json& fields);

/// Whether refuse_unsupported rejects a field of this name.
bool is_unsupported(std::string_view name);

}  // namespace glm_image::server
