#pragma once

#include <nlohmann/json.hpp>
#include <string>

/// What hostile files hold, made fit for a sentence: ASCII, and never longer than a line.
namespace glm_image::io {

/// A value as JSON; of lists, objects and long strings the kind alone. Null is "nothing".
std::string shown(const nlohmann::json* value);

/// A name in single quotes, cut after 60 bytes.
std::string shown_name(const std::string& name);

}  // namespace glm_image::io
