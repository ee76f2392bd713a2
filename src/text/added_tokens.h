#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::text {

/// Tokens that are matched literally in a text, before any other step of tokenization. Of several
/// matches at one position the longest wins.
class AddedTokens {
 public:
  struct Token {
    std::string content;
    int64_t id;
  };
  struct Match {
    std::size_t begin;
    std::size_t end;
    int64_t id;
  };

  AddedTokens() = default;
  /// Contents must be non-empty and unique.
  explicit AddedTokens(std::vector<Token> tokens);

  /// Returns the first match in `text` at byte `from` or later.
  std::optional<Match> find(std::string_view text, std::size_t from) const;

  /// Returns the id of the token whose content is exactly `content`.
  std::optional<int64_t> id_of(std::string_view content) const;

  bool empty() const { return tokens_.empty(); }
  /// Sorted by content.
  const std::vector<Token>& tokens() const { return tokens_; }

 private:
  std::optional<Match> match_at(std::string_view text, std::size_t begin) const;

  std::vector<Token> tokens_;  // by content
};

}  // namespace glm_image::text
