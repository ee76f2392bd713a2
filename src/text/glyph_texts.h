#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::text {

/// How the texts that a picture must spell are found in its prompt.
enum class GlyphRules {
  /// Everything in quotation marks, as people write them in many languages, in NFC; in JSON, what
  /// its values quote, and values whose keys name a text. docs/quotes.md has the rules.
  kSmart,
  /// What the reference pipeline does, for results equal to its own: all '…', then all “…”, then
  /// all "…", then all 「…」, empty ones too. Apostrophes pair up, « » count for nothing.
  kReference,
};

struct GlyphText {
  std::string text;  ///< of kSmart: in NFC, without escapes, so maybe not found in the prompt
  /// The bytes [begin, end) of the prompt that it stands in, quotation marks included.
  std::size_t begin;
  std::size_t end;
};

/// The quoted texts of a prompt, with their places. Linear in the length of the prompt. Throws
/// kInvalidInput, naming the byte, unless the prompt is valid UTF-8.
std::vector<GlyphText> find_glyph_texts(std::string_view prompt, GlyphRules rules);

/// The texts alone.
std::vector<std::string> glyph_texts(std::string_view prompt, GlyphRules rules);

}  // namespace glm_image::text
