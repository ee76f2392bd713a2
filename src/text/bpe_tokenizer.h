#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::text {

struct TokenizerFile;

/// The AR generator's tokenizer: byte-level BPE read from a Hugging Face `tokenizer.json`.
///
/// A text is split at its added tokens ("<sop>", "<|image|>", …), which are matched literally. The
/// rest is normalised (NFC or not at all) and split by the file's regular expression. Each piece is
/// looked up whole (`ignore_merges`) or built from its bytes by merges.
///
/// Loading throws for features of the file that this class does not implement (another model or
/// pre-tokenizer, stripping tokens, special tokens around every text, …).
///
/// Immutable after loading; safe to share between threads.
class BpeTokenizer {
 public:
  /// Throws kNotFound or kCorruptFile for the file, kUnsupported for its features.
  static BpeTokenizer load(const std::filesystem::path& file);
  /// The tokenizer of a checkpoint's processor/ folder: tokenizer.json with the special tokens that
  /// tokenizer_config.json adds (text/special_tokens.h).
  static BpeTokenizer load_processor(const std::filesystem::path& folder);
  /// Parses the content of the file; `source` names it in messages. Throws as load does.
  static BpeTokenizer parse(std::string_view json, const std::string& source);

  /// Returns the ids of a text. Throws kInvalidInput, naming the byte, unless it is valid UTF-8.
  std::vector<int64_t> encode(std::string_view text) const;

  /// Returns the text of the ids for messages, in valid UTF-8; unknown ids appear as "<id 7>".
  std::string decode(const std::vector<int64_t>& ids) const;

  /// Returns the id of a token, written as in the file.
  std::optional<int64_t> token_id(std::string_view token) const;
  /// Returns the id of a token. Throws kCorruptFile if the file does not have the token.
  int64_t required_token_id(std::string_view token) const;
  /// Returns the token of an id. Throws kCorruptFile if the file does not have the id.
  const std::string& token_of(int64_t id) const;

  /// One more than the largest id.
  int64_t id_count() const;

 private:
  explicit BpeTokenizer(std::shared_ptr<const TokenizerFile> file) : file_(std::move(file)) {}

  std::shared_ptr<const TokenizerFile> file_;
};

}  // namespace glm_image::text
