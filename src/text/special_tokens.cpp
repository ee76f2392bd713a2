#include "text/special_tokens.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/suffix.h"
#include "io/shown.h"
#include "text/special_token_name.h"

namespace glm_image::text {
namespace {

using io::Json;
using io::JsonFields;

bool ends_with_token(const std::string& key) {
  constexpr std::string_view kSuffix = "_token";
  return key.size() > kSuffix.size() && ends_with(key, kSuffix);
}

class SpecialTokens {
 public:
  SpecialTokens(const JsonFields& config, TokenizerFile& file) : config_(config), file_(file) {}

  void add_all() {
    if (const auto decoder = config_.optional_object("added_tokens_decoder")) {
      for (const auto& [key, value] : decoder->json().items()) {
        add(value,
            concat("added_tokens_decoder.", io::shown_name(key)),
            added_token_id(config_, key, kMaxVocabularySize - 1));
      }
    }
    for (const auto& [key, value] : config_.json().items()) {
      if (ends_with_token(key) && !value.is_null()) add(value, key, std::nullopt);
    }
    for (const char* const name : {"additional_special_tokens", "extra_special_tokens"}) {
      const auto list = config_.json().find(name);
      if (list == config_.json().end()) continue;
      for (const auto& value : *list) add(value, name, std::nullopt);
    }
    file_.raw_tokens = AddedTokens(std::move(raw_));
    file_.normalized_tokens = AddedTokens(std::move(normalized_));
  }

 private:
  /// A token is its text, or an object that holds it as "content".
  void add(const Json& value, const std::string& where, std::optional<int64_t> id) {
    const bool is_text = value.is_string();
    if (!is_text && !value.is_object()) return;
    const JsonFields fields(is_text ? Json{{"content", value}} : value,
                            concat(config_.source(), ": ", where));
    const auto content = fields.required_string("content");
    if (content.empty()) return;
    const auto known = known_id(content);
    if (!known && !id) return;
    if (known && id && *known != *id) {
      fields.refuse("content",
                    concat("the token of id ", *id, "; tokenizer.json gives this one ", *known));
    }
    if (is_added(content)) return;
    require_plain_token(fields);
    claim(known.value_or(id.value_or(0)), content, fields);
    auto& tokens = fields.optional_bool("normalized", false) ? normalized_ : raw_;
    tokens.push_back({content, known.value_or(id.value_or(0))});
  }

  bool is_added(const std::string& content) const {
    const auto is_same = [&](const AddedTokens::Token& token) { return token.content == content; };
    return std::any_of(raw_.begin(), raw_.end(), is_same) ||
           std::any_of(normalized_.begin(), normalized_.end(), is_same);
  }

  std::optional<int64_t> known_id(const std::string& content) const {
    for (const auto* tokens : {&file_.raw_tokens, &file_.normalized_tokens}) {
      if (const auto id = tokens->id_of(content)) return id;
    }
    return file_.vocabulary.id_of(content);
  }

  void claim(int64_t id, const std::string& content, const JsonFields& fields) {
    auto& tokens = file_.token_by_id;
    if (static_cast<std::size_t>(id) >= tokens.size()) tokens.resize(id + 1);
    auto& token = tokens[id];
    if (!token.empty() && token != content) {
      fields.refuse("content", concat(io::shown_name(token), ", which has id ", id));
    }
    token = content;
  }

  const JsonFields& config_;
  TokenizerFile& file_;
  std::vector<AddedTokens::Token> raw_ = file_.raw_tokens.tokens();
  std::vector<AddedTokens::Token> normalized_ = file_.normalized_tokens.tokens();
};

}  // namespace

void add_special_tokens(const JsonFields& tokenizer_config, TokenizerFile& file) {
  SpecialTokens(tokenizer_config, file).add_all();
}

}  // namespace glm_image::text
