#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe_merges.h"
#include "text/split_regex.h"
#include "text/vocabulary.h"

namespace glm_image::text {

/// The published vocabulary has 168064 ids.
inline constexpr int64_t kMaxVocabularySize = int64_t{1} << 20;

/// The checked contents of a byte-level BPE `tokenizer.json`.
struct TokenizerFile {
  std::string source;

  AddedTokens raw_tokens;         ///< matched in the original text
  AddedTokens normalized_tokens;  ///< matched in the normalised text between the raw tokens
  bool normalizes_to_nfc = false;
  std::optional<SplitRegex> split;  ///< always present after parsing

  Vocabulary vocabulary;
  bool ignore_merges = false;
  BpeMerges merges;
  /// The id of every byte. −1 is allowed for the thirteen bytes that never occur in UTF-8.
  std::array<int32_t, 256> byte_ids{};

  /// Every token, including added ones, by id, written as in the file; empty for unused ids.
  std::vector<std::string> token_by_id;
};

/// Parses a tokenizer.json. `source` names the file in messages. Throws kCorruptFile if it is
/// inconsistent, kUnsupported for features that are not implemented.
TokenizerFile parse_tokenizer_file(std::string_view json, const std::string& source);

}  // namespace glm_image::text
