#pragma once

#include <cstddef>
#include <vector>

#include "text/unicode.h"

namespace glm_image::text {

/// A piece of a prompt that is read on its own.
struct PromptPart {
  enum class Kind {
    kProse,
    kValue,      ///< a string value of JSON
    kTextValue,  ///< one under a key that names a text: {"title": "OPEN DAY"}
  };
  Kind kind;
  /// The characters, with the bytes of the prompt that each comes from. Escapes of JSON are
  /// decoded, so the value of a character may differ from its bytes.
  std::vector<CodePoint> points;
  /// The bytes [begin, end) of the prompt; the quotation marks of a value are included.
  std::size_t begin;
  std::size_t end;
};

/// Splits a prompt into prose and the string values of the JSON in it, in order. Keys are in no
/// part. JSON is read leniently: single or curly quotation marks, bare keys, missing commas,
/// members without braces at the start of a line, an end that is missing. Linear in the length of
/// the prompt.
std::vector<PromptPart> prompt_parts(const std::vector<CodePoint>& prompt);

}  // namespace glm_image::text
