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

/// What a byte-level BPE `tokenizer.json` holds, checked.
struct TokenizerFile {
  std::string source;

  AddedTokens raw_tokens;         ///< found in the text as given
  AddedTokens normalized_tokens;  ///< found afterwards, in what lies between, once normalised
  bool normalizes_to_nfc = false;
  std::optional<SplitRegex> split;  ///< always present after parsing

  Vocabulary vocabulary;
  bool ignore_merges = false;
  BpeMerges merges;
  /// The id of every single byte; −1 for the thirteen that UTF-8 never has, if not in the file.
  std::array<int32_t, 256> byte_ids{};

  /// Every token, added ones too, as the file writes it, by id; empty where no token has the id.
  std::vector<std::string> token_by_id;
};

/// Throws kCorruptFile for what is not a consistent tokenizer.json, kUnsupported for what it asks
/// for and this program does not do. `source` names the file in messages.
TokenizerFile parse_tokenizer_file(std::string_view json, const std::string& source);

}  // namespace glm_image::text
