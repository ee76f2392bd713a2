#pragma once

#include <nlohmann/json.hpp>
#include <string>

/// Makes values from untrusted files fit for messages.
namespace glm_image::io {

/// A value as JSON in ASCII. Lists, objects and long strings are only described; null is "nothing".
std::string shown(const nlohmann::json* value);

/// Makes untrusted text safe for a terminal: control characters become escapes such as \x1B; with
/// `keep_lines`, line ends and tabs stay. Other UTF-8 is unchanged.
std::string printable(const std::string& text, bool keep_lines = false);

/// A name in single quotes, in ASCII, truncated after 120 bytes.
std::string shown_name(const std::string& name);

}  // namespace glm_image::io
