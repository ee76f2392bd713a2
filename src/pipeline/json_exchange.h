#pragma once

#include <nlohmann/json.hpp>

#include "glm_image/pipeline.h"
#include "io/json_file.h"

/// Parts of requests as JSON.
namespace glm_image::pipeline {

/// {"picture": {"height", "width", "tokens"}, "conditions": […]}; of a draft, whose picture has no
/// tokens, also "preview".
nlohmann::json to_json(const Composition& composition);
/// The inverse. Throws kCorruptFile naming the field.
Composition composition_from_json(const io::JsonFields& fields);

/// [{"name", "scale"}, …]
nlohmann::json to_json(const std::vector<AdapterUse>& adapters);
/// Reads such a list from the field `name`; empty if it is absent. A scale is 1 if it is left out.
/// Throws kCorruptFile naming the field.
std::vector<AdapterUse> adapters_from_json(const io::JsonFields& fields, const std::string& name);

}  // namespace glm_image::pipeline
