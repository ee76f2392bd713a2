#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::text {

/// Tokens that are found in a text as they are written, before any other step of tokenization.
/// Of those that begin at one place the longest wins.
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
  /// Contents are neither empty nor repeated.
  explicit AddedTokens(std::vector<Token> tokens);

  /// The first token in `text` at byte `from` or later.
  std::optional<Match> find(std::string_view text, std::size_t from) const;

  /// The id of the token written exactly like this.
  std::optional<int64_t> id_of(std::string_view content) const;

  bool empty() const { return tokens_.empty(); }
  /// In the order of their contents.
  const std::vector<Token>& tokens() const { return tokens_; }

 private:
  std::optional<Match> match_at(std::string_view text, std::size_t begin) const;

  std::vector<Token> tokens_;  // by content
};

}  // namespace glm_image::text
