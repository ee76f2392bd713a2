#pragma once

#include "io/json_file.h"

namespace glm_image::posters {

/// Functions that read the data folder. They throw kCorruptFile naming the file, the entry and what
/// it must be.

/// A list of `min` to `max` objects. Messages call each "<file>, <name>[<index>]".
std::vector<io::JsonFields> required_objects(const io::JsonFields& fields,
                                             const std::string& name,
                                             std::size_t min,
                                             std::size_t max);

/// A non-empty list of texts in valid UTF-8 without white space at their ends. Returns them in NFC.
std::vector<std::string> required_texts(const io::JsonFields& fields, const std::string& name);

/// An identifier: a non-empty text of lower-case letters, digits and _.
std::string required_id(const io::JsonFields& fields, const std::string& name);

/// A non-empty text of words separated by spaces; "-" denotes the empty word.
std::vector<std::string> required_pieces(const io::JsonFields& fields, const std::string& name);

}  // namespace glm_image::posters
