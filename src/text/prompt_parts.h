#pragma once

#include <cstddef>
#include <vector>

#include "text/unicode.h"

namespace glm_image::text {

/// A part of a prompt in which quotations are searched separately.
struct PromptPart {
  enum class Kind {
    kProse,
    kValue,      ///< a string value of JSON
    kTextValue,  ///< a string value whose key names a text: {"title": "OPEN DAY"}
  };
  Kind kind;
  /// The characters and their bytes in the prompt. JSON escapes are decoded, so the value of a
  /// character may differ from its bytes.
  std::vector<CodePoint> points;
  /// The bytes [begin, end) of the prompt; the quotation marks of a value are included.
  std::size_t begin;
  std::size_t end;
};

/// Splits a prompt into prose and the string values of the JSON in it, in order, without the keys.
/// JSON is read leniently: single or curly quotation marks, bare keys, missing commas, members
/// without braces at the start of a line, and a missing end are accepted. Linear in the length of
/// the prompt.
std::vector<PromptPart> prompt_parts(const std::vector<CodePoint>& prompt);

}  // namespace glm_image::text
