#include "text/special_token_name.h"

namespace glm_image::text {
namespace {

std::string token_in(const io::JsonFields& fields, const std::string& role) {
  const bool is_object = fields.has(role) && fields.json().at(role).is_object();
  return is_object ? fields.required_object(role).required_string("content")
                   : fields.required_string(role);
}

}  // namespace

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
