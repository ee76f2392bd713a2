#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "text/unicode.h"

namespace glm_image::text {

/// For every character of a text that opens a quotation, the index of the character that closes
/// it. Quotations may nest. The rules are those of GlyphRules::kSmart.
std::vector<std::optional<std::size_t>> quote_pairs(const std::vector<CodePoint>& text);

}  // namespace glm_image::text
