#include "text/special_token_name.h"

#include <charconv>

#include "core/error.h"

namespace glm_image::text {
namespace {

std::string token_in(const io::JsonFields& fields, const std::string& role) {
  const bool is_object = fields.has(role) && fields.json().at(role).is_object();
  return is_object ? fields.required_object(role).required_string("content")
                   : fields.required_string(role);
}

}  // namespace

int64_t added_token_id(const io::JsonFields& config, const std::string& key, int64_t most) {
  int64_t id = -1;
  const char* const end = key.data() + key.size();
  const auto parsed = std::from_chars(key.data(), end, id);
  if (parsed.ec != std::errc() || parsed.ptr != end || id < 0 || id > most) {
    config.refuse("added_tokens_decoder", concat("keyed by ids from 0 to ", most));
  }
  return id;
}

void require_plain_token(const io::JsonFields& token) {
  for (const char* const flag : {"lstrip", "rstrip", "single_word"}) {
    if (token.optional_bool(flag, false)) token.refuse(flag, "false", ErrorCode::kUnsupported);
  }
}

std::string special_token_name(const io::JsonFields& config, const std::string& role) {
  if (config.has(role)) return token_in(config, role);
  for (const char* const group : {"extra_special_tokens", "model_specific_special_tokens"}) {
    // Some versions write a list of names without roles under the same key.
    if (!config.has(group) || !config.json().at(group).is_object()) continue;
    const auto tokens = config.required_object(group);
    if (tokens.has(role)) return token_in(tokens, role);
  }
  config.refuse(role, "the name of a token");
}

}  // namespace glm_image::text
