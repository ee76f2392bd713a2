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
/// A text is cut at its added tokens ("<sop>", "<|image|>", …), which are found as written. The
/// rest is normalised (not at all, or NFC), split by the file's regular expression, and each piece
/// is looked up whole (`ignore_merges`) or built from its bytes by merges.
///
/// What the file asks for and this class does not do (another model or pre-tokenizer, stripping
/// tokens, special tokens put around every text, …) is refused when it is loaded, never ignored.
///
/// Immutable after loading; safe to share between threads.
class BpeTokenizer {
 public:
  /// Throws kNotFound or kCorruptFile for the file, kUnsupported for what it asks for.
  static BpeTokenizer load(const std::filesystem::path& file);
  /// The tokenizer of a checkpoint's processor/ folder: tokenizer.json with the special tokens that
  /// tokenizer_config.json adds (text/special_tokens.h).
  static BpeTokenizer load_processor(const std::filesystem::path& folder);
  /// As load, from the content of the file; `source` names it in messages.
  static BpeTokenizer parse(std::string_view json, const std::string& source);

  /// The ids of a text. Throws kInvalidInput, naming the byte, unless it is valid UTF-8.
  std::vector<int64_t> encode(std::string_view text) const;

  /// For messages: the text of the ids, in valid UTF-8; unknown ids appear as "<id 7>".
  std::string decode(const std::vector<int64_t>& ids) const;

  /// The id of a token as the file writes it.
  std::optional<int64_t> token_id(std::string_view token) const;
  /// The same; throws kCorruptFile, naming the file and the token, when there is none.
  int64_t required_token_id(std::string_view token) const;
  /// The reverse; throws kCorruptFile, naming the file and the id, when there is none.
  const std::string& token_of(int64_t id) const;

  /// One more than the largest id.
  int64_t id_count() const;

 private:
  explicit BpeTokenizer(std::shared_ptr<const TokenizerFile> file) : file_(std::move(file)) {}

  std::shared_ptr<const TokenizerFile> file_;
};

}  // namespace glm_image::text
