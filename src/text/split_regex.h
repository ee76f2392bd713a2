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

/// The regular expression of a tokenizer's Split step with the behaviour "Isolated": every match is
/// a piece, and so is the text between two matches.
///
/// tokenizer.json is written for Oniguruma; here ICU compiles the pattern. The two agree for the
/// constructs of published tokenizers (\p{L}, \p{N}, \s, \S, (?i:…), lookahead, bounded repeats).
/// The Unicode version is ICU's.
class SplitRegex {
 public:
  /// Throws kUnsupported, naming `source`, for a pattern that ICU cannot compile.
  SplitRegex(const std::string& pattern, std::string source);

  /// Returns the non-empty pieces of valid UTF-8. Throws kUnsupported if matching takes too much
  /// time or memory, which happens only with a pathological pattern.
  std::vector<std::string_view> split(std::string_view text) const;

 private:
  std::shared_ptr<const icu::RegexPattern> pattern_;
  std::string source_;
};

}  // namespace glm_image::text
