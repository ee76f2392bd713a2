#include "text/bpe_tokenizer.h"

#include <unicode/unistr.h>

#include "core/error.h"
#include "io/json_file.h"
#include "text/byte_alphabet.h"
#include "text/special_tokens.h"
#include "text/tokenizer_file.h"
#include "text/unicode.h"

namespace glm_image::text {
namespace {

void encode_piece(const TokenizerFile& file, std::string_view piece, std::vector<int64_t>& ids) {
  if (file.ignore_merges) {
    if (const auto id = file.vocabulary.id_of(to_byte_alphabet(piece))) {
      ids.push_back(*id);
      return;
    }
  }
  std::vector<int32_t> tokens;
  tokens.reserve(piece.size());
  for (const char byte : piece) tokens.push_back(file.byte_ids[static_cast<uint8_t>(byte)]);
  const auto merged = file.merges.apply(tokens);
  ids.insert(ids.end(), merged.begin(), merged.end());
}

/// Appends the id of every added token found, and calls `between` with the text between them.
template <typename Between>
void cut_at(const AddedTokens& tokens,
            std::string_view text,
            std::vector<int64_t>& ids,
            Between between) {
  std::size_t done = 0;
  const auto flush = [&](std::size_t end) {
    if (end > done) between(text.substr(done, end - done));
  };
  while (const auto match = tokens.find(text, done)) {
    flush(match->begin);
    ids.push_back(match->id);
    done = match->end;
  }
  flush(text.size());
}

}  // namespace

BpeTokenizer BpeTokenizer::load(const std::filesystem::path& file) {
  return parse(io::read_text_file(file, io::kMaxJsonBytes), file.string());
}

BpeTokenizer BpeTokenizer::load_processor(const std::filesystem::path& folder) {
  const auto path = folder / "tokenizer.json";
  auto file = std::make_shared<TokenizerFile>(
      parse_tokenizer_file(io::read_text_file(path, io::kMaxJsonBytes), path.string()));
  add_special_tokens(io::JsonFields::load(folder / "tokenizer_config.json"), *file);
  return BpeTokenizer(std::move(file));
}

BpeTokenizer BpeTokenizer::parse(std::string_view json, const std::string& source) {
  return BpeTokenizer(std::make_shared<const TokenizerFile>(parse_tokenizer_file(json, source)));
}

std::vector<int64_t> BpeTokenizer::encode(std::string_view text) const {
  require_utf8(text);
  std::vector<int64_t> ids;
  const auto encode_plain = [&](std::string_view plain) {
    for (const auto piece : file_->split->split(plain)) encode_piece(*file_, piece, ids);
  };
  cut_at(file_->raw_tokens, text, ids, [&](std::string_view between) {
    const std::string normalized =
        file_->normalizes_to_nfc ? to_nfc(between) : std::string(between);
    cut_at(file_->normalized_tokens, normalized, ids, encode_plain);
  });
  return ids;
}

std::string BpeTokenizer::decode(const std::vector<int64_t>& ids) const {
  std::string bytes;
  for (const int64_t id : ids) {
    if (id < 0 || id >= id_count() || file_->token_by_id[id].empty()) {
      bytes += concat("<id ", id, ">");
      continue;
    }
    const auto& token = file_->token_by_id[id];
    const bool is_added = file_->raw_tokens.id_of(token) || file_->normalized_tokens.id_of(token);
    bytes += is_added ? token : from_byte_alphabet(token).value_or(token);
  }
  // A token may end inside a character; ICU replaces invalid UTF-8 by U+FFFD.
  std::string text;
  icu::UnicodeString::fromUTF8(bytes).toUTF8String(text);
  return text;
}

std::optional<int64_t> BpeTokenizer::token_id(std::string_view token) const {
  if (const auto id = file_->raw_tokens.id_of(token)) return id;
  if (const auto id = file_->normalized_tokens.id_of(token)) return id;
  return file_->vocabulary.id_of(token);
}

int64_t BpeTokenizer::required_token_id(std::string_view token) const {
  const auto id = token_id(token);
  if (!id) {
    fail(ErrorCode::kCorruptFile, file_->source, ": has no token \"", token, "\"");
  }
  return *id;
}

const std::string& BpeTokenizer::token_of(int64_t id) const {
  if (id < 0 || id >= id_count() || file_->token_by_id[id].empty()) {
    fail(ErrorCode::kCorruptFile, file_->source, ": has no token of id ", id);
  }
  return file_->token_by_id[id];
}

int64_t BpeTokenizer::id_count() const {
  return static_cast<int64_t>(file_->token_by_id.size());
}

}  // namespace glm_image::text
