#pragma once

#include <set>
#include <string>
#include <string_view>

namespace glm_image::text {

/// Returns the scripts of a text's letters, by their ISO 15924 codes: "Latn", "Hani", … Characters
/// of several scripts, such as digits and punctuation, count for none. The text must be valid
/// UTF-8.
std::set<std::string> scripts_of(std::string_view text);

/// The same letter without accents: é → e. Other characters are returned unchanged.
char32_t without_accent(char32_t letter);

}  // namespace glm_image::text
