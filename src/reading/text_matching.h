#pragma once

#include <set>
#include <string>
#include <vector>

#include "glm_image/verification.h"
#include "reading/pixel_box.h"

namespace glm_image::reading {

struct ReadWord;

/// Minimum similarity at which a read text counts as similar to the wanted one.
inline constexpr double kSimilarText = 0.5;

/// A text to look for.
struct WantedText {
  std::string text;
  /// In lower case: the reader takes these letters for similar ones.
  std::set<char32_t> unknown_letters;
};

/// Compares one reading of a picture, its words in reading order, with the wanted texts, and
/// improves their checks. Capitals, spaces and line breaks do not count. A text is found if words
/// that follow one another spell it. It is also found if its words stand apart, for example because
/// the picture has columns, but not with words that spell another text.
void match_texts(const std::vector<ReadWord>& reading,
                 const std::vector<WantedText>& wanted,
                 std::vector<TextCheck>& checks);

/// Whether a letter that was read may stand for a letter that the reader does not know.
bool stands_for(char32_t read, char32_t unknown);

}  // namespace glm_image::reading
