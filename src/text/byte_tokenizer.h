#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_file.h"
#include "text/added_tokens.h"

namespace glm_image::text {

/// The glyph encoder's tokenizer, ByT5: every byte of the UTF-8 text is a token, id = byte + 3, and
/// `</s>` ends the sequence.
///
/// The special tokens that tokenizer_config.json lists (`added_tokens_decoder`: <pad>, </s>, <unk>,
/// <extra_id_0>, …), or without such a list those of transformers' ByT5Tokenizer, are matched
/// literally in the text, as in the reference: a picture cannot spell "<pad>". Some of them strip
/// the white space around them.
///
/// Immutable after loading; safe to share between threads.
class ByteTokenizer {
 public:
  /// Reads a tokenizer_config.json. Throws kNotFound or kCorruptFile for the file, kUnsupported
  /// for another class of tokenizer.
  static ByteTokenizer load(const std::filesystem::path& tokenizer_config);
  explicit ByteTokenizer(const io::JsonFields& config);

  /// Returns the ids of a text, `</s>` last. A sequence longer than kMaxTokens is truncated and
  /// still ends in `</s>`; a text that ends in "</s>" gets no second one. Throws kInvalidInput,
  /// naming the byte, unless the text is valid UTF-8.
  std::vector<int64_t> encode(std::string_view text) const;
  static constexpr std::size_t kMaxTokens = 2048;

  int64_t pad_id() const { return pad_id_; }
  int64_t end_id() const { return end_id_; }
  /// The largest id that encode() can return.
  int64_t largest_id() const;

 private:
  struct Special {
    int64_t id;
    bool strips_left;
    bool strips_right;
  };
  void read_listed_tokens(const io::JsonFields& config);
  void make_default_tokens(const io::JsonFields& config);
  int64_t role_id(const io::JsonFields& config,
                  const std::string& role,
                  const char* fallback) const;

  AddedTokens special_texts_;  // ids are indices into specials_
  std::vector<Special> specials_;
  int64_t pad_id_ = 0;
  int64_t end_id_ = 0;
};

}  // namespace glm_image::text
