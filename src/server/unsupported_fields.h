#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace glm_image::server {

/// Throws ApiError 400 for the first field that asks for another picture than this server would
/// draw: a mask, a negative prompt, a sampler, pictures to start from where none are read. The
/// message names the field and what to use instead. Names are compared without case and
/// punctuation, so that negativePrompt counts too. Fields that say nothing pass: null, "", [], {},
/// false, "none", "auto", "default", and 1 where a number of pictures is meant.
void refuse_unsupported(const nlohmann::json& fields);

/// Whether refuse_unsupported knows a field of this name.
bool is_unsupported(std::string_view name);

}  // namespace glm_image::server
