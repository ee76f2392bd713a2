#pragma once

#include <unicode/uversion.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

U_NAMESPACE_BEGIN
class RegexPattern;
U_NAMESPACE_END

namespace glm_image::text {

/// The regular expression of a tokenizer's Split step. Every match is a piece, and so is what lies
/// between two matches ("Isolated"): the pieces, joined, are the text again.
///
/// tokenizer.json is written for Oniguruma; ICU compiles it here. For the constructs of published
/// tokenizers (\p{L}, \p{N}, \s, \S, (?i:…), lookahead, bounded repeats) the two agree; the
/// Unicode version is ICU's.
class SplitRegex {
 public:
  /// Throws kUnsupported, naming `source`, for what ICU cannot compile.
  SplitRegex(const std::string& pattern, std::string source);

  /// The pieces of valid UTF-8, none of them empty. Throws kUnsupported when matching takes too
  /// long or too much memory, which only a pathological pattern does.
  std::vector<std::string_view> split(std::string_view text) const;

 private:
  std::shared_ptr<const icu::RegexPattern> pattern_;
  std::string source_;
};

}  // namespace glm_image::text
