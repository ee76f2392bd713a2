#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "glm_image/request.h"

namespace glm_image::text {

/// The rules that find the texts to spell in a prompt.
///
/// kSmart: everything in quotation marks, as they are used in many languages, in NFC; in JSON,
/// quotations within values, and values whose keys name a text. docs/quotes.md has the rules.
///
/// kReference: all '…', then all “…”, then all "…", then all 「…」, empty ones too. Apostrophes
/// pair up, and « » is not recognised.
using GlyphRules = glm_image::GlyphRules;

struct GlyphText {
  std::string text;  ///< for kSmart in NFC and without escapes: may differ from the prompt
  /// Its bytes [begin, end) in the prompt, quotation marks included.
  std::size_t begin;
  std::size_t end;
};

/// Returns the texts to spell and their positions. Linear in the length of the prompt. Throws
/// kInvalidInput, naming the byte, unless the prompt is valid UTF-8.
std::vector<GlyphText> find_glyph_texts(std::string_view prompt, GlyphRules rules);

/// As find_glyph_texts, without the positions.
std::vector<std::string> glyph_texts(std::string_view prompt, GlyphRules rules);

}  // namespace glm_image::text
