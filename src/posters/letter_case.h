#pragma once

#include <string>

#include "posters/random_stream.h"

namespace glm_image::posters {

/// Of valid UTF-8, in NFC.
std::string lower_case(const std::string& text);
std::string upper_case(const std::string& text);
/// The first letter a capital, the others as they are.
std::string with_capital(const std::string& text);

/// UPPER, Title, lower or as it is.
std::string in_some_case(const std::string& text, RandomStream& random);

}  // namespace glm_image::posters
