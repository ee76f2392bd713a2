#pragma once

#include <string>
#include <vector>

#include "core/text_format.h"
#include "glm_image/pipeline.h"
#include "io/json_file.h"
#include "io/json_text.h"

/// Reports of the texts that were read back from pictures.
namespace glm_image::pipeline {

/// [{"text", "state", "read", "similarity", "box"}, …]: `box` is null, or {"left", "top", "width",
/// "height"} in pixels. "unknown_letters" is there if the reader does not know some.
io::OrderedJson to_json(const std::vector<TextCheck>& checks);

/// The inverse, of the field `name`; empty if it is absent. Throws kCorruptFile naming the field.
std::vector<TextCheck> text_checks_from_json(const io::JsonFields& fields, const std::string& name);

/// The checks of a picture after it was resized.
std::vector<TextCheck> resized(std::vector<TextCheck> checks,
                               int64_t width,
                               int64_t height,
                               int64_t new_width,
                               int64_t new_height);

/// The checks of a picture with boxes in the pixels of its file, which has the picture's own size
/// if `file_width` is 0.
std::vector<TextCheck> checks_in_file(const Picture& picture,
                                      int64_t file_width,
                                      int64_t file_height);

/// One line about a text: `similar "OPEN DAY": read "OPEN DAV" (0.88)`.
PatternText description(const TextCheck& check);

/// That no candidate of best_of has all texts right. `wrong` describes those of the best one.
PatternText none_is_right(int64_t candidates, const std::string& wrong);

/// A warning of code "text_not_right" for each picture of which a text is wrong or was not read.
std::vector<Warning> text_warnings(const Result& result);

}  // namespace glm_image::pipeline
