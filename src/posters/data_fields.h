#pragma once

#include "io/json_file.h"

namespace glm_image::posters {

/// Reading the data folder: faults throw kCorruptFile with the file, the entry and what it must be.

/// A list of objects; each is called "<file>, <name>[<index>]" in messages.
std::vector<io::JsonFields> required_objects(const io::JsonFields& fields,
                                             const std::string& name,
                                             std::size_t min,
                                             std::size_t max);

/// A list of at least one text; each must be valid UTF-8 without white space at its ends. In NFC.
std::vector<std::string> required_texts(const io::JsonFields& fields, const std::string& name);

/// Not empty, of lower-case letters, digits and _: what data files call things by.
std::string required_id(const io::JsonFields& fields, const std::string& name);

/// Words separated by spaces, at least one; "-" stands for the empty one.
std::vector<std::string> required_pieces(const io::JsonFields& fields, const std::string& name);

}  // namespace glm_image::posters
