#include "text/byte_tokenizer.h"

#include <algorithm>
#include <set>

#include "text/special_token_name.h"
#include "text/unicode.h"

namespace glm_image::text {
namespace {

/// Ids 0, 1 and 2 are <pad>, </s> and <unk>; the 256 bytes follow, then the extra ids.
constexpr int64_t kFirstByteId = 3;
constexpr std::size_t kMaxSpecials = 4096;
constexpr int64_t kDefaultExtraIds = 125;
constexpr const char* kDefaultPad = "<pad>";
constexpr const char* kDefaultEnd = "</s>";
constexpr const char* kDefaultUnknown = "<unk>";
constexpr int64_t kMaxId = 1 << 20;

/// Characters that Python's str.strip() removes: Unicode white space and four ASCII separators.
bool is_python_space(char32_t c) {
  return is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

std::string_view strip_left(std::string_view text) {
  for (const CodePoint& point : code_points(text)) {
    if (!is_python_space(point.value)) return text.substr(point.begin);
  }
  return {};
}

std::string_view strip_right(std::string_view text) {
  const auto points = code_points(text);
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    if (!is_python_space(point->value)) return text.substr(0, point->end);
  }
  return {};
}

}  // namespace

ByteTokenizer ByteTokenizer::load(const std::filesystem::path& tokenizer_config) {
  return ByteTokenizer(io::JsonFields::load(tokenizer_config));
}

ByteTokenizer::ByteTokenizer(const io::JsonFields& config) {
  config.supports_only("tokenizer_class", "ByT5Tokenizer");
  if (config.has("added_tokens_decoder")) {
    read_listed_tokens(config);
  } else {
    make_default_tokens(config);
  }
  pad_id_ = role_id(config, "pad_token", kDefaultPad);
  end_id_ = role_id(config, "eos_token", kDefaultEnd);
}

/// The tokens that ByT5Tokenizer defines if the file lists none: three that strip the white space
/// around them, as the class declares them, and `extra_ids` tokens after the bytes.
void ByteTokenizer::make_default_tokens(const io::JsonFields& config) {
  std::vector<AddedTokens::Token> texts;
  std::set<std::string> contents;
  const auto add = [&](const std::string& content, int64_t id, bool strips) {
    if (content.empty() || !contents.insert(content).second) {
      fail(ErrorCode::kCorruptFile,
           config.source(),
           ": pad_token, eos_token and unk_token must be three different texts");
    }
    texts.push_back({content, static_cast<int64_t>(specials_.size())});
    specials_.push_back({id, strips, strips});
  };
  int64_t id = 0;
  for (const auto& [role, name] : {std::pair{"pad_token", kDefaultPad},
                                   {"eos_token", kDefaultEnd},
                                   {"unk_token", kDefaultUnknown}}) {
    add(config.has(role) ? special_token_name(config, role) : name, id++, /*strips=*/true);
  }
  const int64_t extra_ids = config.optional_int64("extra_ids", kDefaultExtraIds, 0, kMaxSpecials);
  for (int64_t i = 0; i < extra_ids; ++i) {
    add(concat("<extra_id_", i, '>'), kFirstByteId + 256 + i, /*strips=*/false);
  }
  special_texts_ = AddedTokens(std::move(texts));
}

void ByteTokenizer::read_listed_tokens(const io::JsonFields& config) {
  const auto tokens = config.required_object("added_tokens_decoder");
  if (tokens.json().size() > kMaxSpecials) {
    config.refuse("added_tokens_decoder", concat("an object of at most ", kMaxSpecials, " tokens"));
  }
  std::set<std::string> contents;
  std::vector<AddedTokens::Token> texts;
  for (const auto& [key, value] : tokens.json().items()) {
    const auto token = tokens.required_object(key);
    const auto content = token.required_string("content");
    if (content.empty() || !contents.insert(content).second) {
      token.refuse("content", "a text that no other token has");
    }
    token.supports_only("single_word", false);
    texts.push_back({content, static_cast<int64_t>(specials_.size())});
    specials_.push_back({added_token_id(config, key, kMaxId),
                         token.optional_bool("lstrip", false),
                         token.optional_bool("rstrip", false)});
  }
  special_texts_ = AddedTokens(std::move(texts));
}

int64_t ByteTokenizer::role_id(const io::JsonFields& config,
                               const std::string& role,
                               const char* fallback) const {
  const auto index =
      special_texts_.id_of(config.has(role) ? special_token_name(config, role) : fallback);
  if (!index) config.refuse(role, "one of added_tokens_decoder");
  return specials_[*index].id;
}

std::vector<int64_t> ByteTokenizer::encode(std::string_view text) const {
  require_utf8(text);
  std::vector<int64_t> ids;
  const Special* left = nullptr;
  std::size_t done = 0;
  const auto add_bytes = [&](std::size_t end, const Special* right) {
    auto between = text.substr(done, end - done);
    if (left != nullptr && left->strips_right) between = strip_left(between);
    if (right != nullptr && right->strips_left) between = strip_right(between);
    for (const char byte : between) ids.push_back(static_cast<uint8_t>(byte) + kFirstByteId);
  };
  while (const auto match = special_texts_.find(text, done)) {
    const Special& special = specials_[match->id];
    add_bytes(match->begin, &special);
    ids.push_back(special.id);
    left = &special;
    done = match->end;
  }
  add_bytes(text.size(), nullptr);
  if (ids.size() >= kMaxTokens) ids.resize(kMaxTokens - 1);
  if (ids.empty() || ids.back() != end_id_) ids.push_back(end_id_);
  return ids;
}

int64_t ByteTokenizer::largest_id() const {
  int64_t largest = kFirstByteId + 255;
  for (const auto& special : specials_) largest = std::max(largest, special.id);
  return largest;
}

}  // namespace glm_image::text
