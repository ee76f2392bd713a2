#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::text {

/// How the texts that a picture must spell are found in its prompt.
enum class GlyphRules {
  /// Everything in quotation marks, as people write them:
  ///   «…» ‹…› „…“ „…” “…” ”…” "…" ‘…’ ‚…‘ '…' 「…」 『…』 »…« ›…‹
  /// - texts come in the order of the prompt, without the white space just inside the marks (also
  ///   the no-break spaces of French); empty ones are dropped;
  /// - of nested quotes the outermost is the text; a mark without a partner means nothing;
  /// - ' and ’ between two letters or digits are apostrophes. Elsewhere ' opens when no letter or
  ///   digit stands before it and something other than a space after it, and closes when no space
  ///   stands before it and no letter or digit after it ("les élèves' …" opens nothing). East
  ///   Asian letters stand next to either, since they are written without spaces;
  /// - " after a digit, with no quote open, is an inch mark; '90s is a decade.
  kSmart,
  /// What the reference pipeline does, for results equal to its own: all '…', then all “…”, then
  /// all "…", then all 「…」, empty ones too. Apostrophes pair up, « » count for nothing.
  kReference,
};

struct GlyphText {
  std::string text;
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
