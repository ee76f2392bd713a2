#pragma once

#include <string>

#include "core/random_stream.h"

namespace glm_image::posters {

/// Capitalises the first letter and keeps the others. The text must be valid UTF-8.
std::string with_capital(const std::string& text);

/// Randomly UPPER CASE, Title Case, lower case or unchanged.
std::string in_some_case(const std::string& text, RandomStream& random);

}  // namespace glm_image::posters
