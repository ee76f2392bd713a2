#pragma once

#include <cstddef>
#include <vector>

#include "text/quote_marks.h"
#include "text/unicode.h"

namespace glm_image::text {

/// A quotation: the mark that opens it and the one that closes it.
struct QuotePair {
  QuoteMark open;
  QuoteMark close;
};

/// The quotations of a text, in the order in which they open; they may nest. The rules are those of
/// GlyphRules::kSmart. Linear in the length of the text.
std::vector<QuotePair> quote_pairs(const std::vector<CodePoint>& text);

}  // namespace glm_image::text
