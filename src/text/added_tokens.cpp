#include "text/added_tokens.h"

#include <algorithm>

namespace glm_image::text {

AddedTokens::AddedTokens(std::vector<Token> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(), [](const Token& a, const Token& b) {
    return a.content < b.content;
  });
}

std::optional<AddedTokens::Match> AddedTokens::find(std::string_view text, std::size_t from) const {
  if (tokens_.empty()) return std::nullopt;
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (auto match = match_at(text, begin)) return match;
  }
  return std::nullopt;
}

/// Narrows the range of tokens that agree with the text, one byte at a time. A range begins with
/// its shortest token, so the last complete token found is the longest match.
std::optional<AddedTokens::Match> AddedTokens::match_at(std::string_view text,
                                                        std::size_t begin) const {
  std::optional<Match> longest;
  auto first = tokens_.begin();
  auto last = tokens_.end();
  for (std::size_t length = 0; first != last && begin + length < text.size(); ++length) {
    const auto byte = static_cast<unsigned char>(text[begin + length]);
    const auto byte_of = [&](const Token& token) {
      return static_cast<unsigned char>(token.content[length]);
    };
    first = std::partition_point(
        first, last, [&](const Token& token) { return byte_of(token) < byte; });
    last = std::partition_point(
        first, last, [&](const Token& token) { return byte_of(token) == byte; });
    if (first != last && first->content.size() == length + 1) {
      longest = Match{begin, begin + length + 1, first->id};
      ++first;
    }
  }
  return longest;
}

std::optional<int64_t> AddedTokens::id_of(std::string_view content) const {
  const auto found = std::lower_bound(
      tokens_.begin(), tokens_.end(), content, [](const Token& token, std::string_view wanted) {
        return token.content < wanted;
      });
  if (found == tokens_.end() || found->content != content) return std::nullopt;
  return found->id;
}

}  // namespace glm_image::text
