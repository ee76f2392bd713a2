#include "adapters/alpha_rules.h"

#include <cmath>

#include "core/error.h"
#include "core/suffix.h"
#include "io/shown.h"

namespace glm_image::adapters {
namespace {

constexpr const char* kMetadataKey = "lora_adapter_metadata";

/// Whether a layer's name is `path` or ends with it after a dot.
bool ends_with_path(const std::string& name, const std::string& path) {
  return name == path || ends_with(name, "." + path);
}

/// Refuses two alphas for one layer: PEFT takes the first in the file, and JSON objects have no
/// order here.
void refuse_ambiguous(const io::JsonFields& fields,
                      const std::vector<std::pair<std::string, double>>& patterns) {
  for (const auto& [path, alpha] : patterns) {
    for (auto dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
      const auto end = path.substr(dot + 1);
      if (!fields.has(end) || fields.required_double(end) == alpha) continue;
      fields.refuse(end,
                    concat("the alpha of ", io::shown_name(path), ", which ends with it"),
                    ErrorCode::kUnsupported);
    }
  }
}

}  // namespace

std::optional<AlphaRules::Rule> AlphaRules::read(const io::JsonFields& fields,
                                                 const std::string& prefix) {
  fields.supports_only(prefix + "peft_type", "LORA");
  for (const char* variant : {"use_dora", "fan_in_fan_out", "lora_bias", "use_qalora"}) {
    fields.supports_only(prefix + variant, false);
  }
  Rule rule;
  if (fields.has(prefix + "lora_alpha")) {
    rule.alpha = fields.required_double(prefix + "lora_alpha");
  }
  rule.rank_stabilised = fields.optional_bool(prefix + "use_rslora", false);
  if (const auto patterns = fields.optional_object(prefix + "alpha_pattern")) {
    for (const auto& item : patterns->json().items()) {
      if (item.key().find_first_of("\\^$*+?()[]{}|") != std::string::npos) {
        patterns->refuse(
            item.key(), "a layer's name without regular expressions", ErrorCode::kUnsupported);
      }
      rule.patterns.emplace_back(item.key(), patterns->required_double(item.key()));
    }
    refuse_ambiguous(*patterns, rule.patterns);
  }
  const bool says_something = rule.alpha || rule.rank_stabilised || !rule.patterns.empty();
  return says_something ? std::optional(rule) : std::nullopt;
}

AlphaRules AlphaRules::from_config(const std::filesystem::path& file) {
  AlphaRules rules;
  const auto fields = io::JsonFields::load(file);
  fields.required_double("lora_alpha");
  rules.common_ = *read(fields, "");
  return rules;
}

AlphaRules AlphaRules::from_metadata(const std::map<std::string, std::string>& metadata,
                                     const std::string& file) {
  AlphaRules rules;
  const auto found = metadata.find(kMetadataKey);
  if (found == metadata.end()) return rules;
  const auto source = concat(file, ": ", kMetadataKey);
  const io::JsonFields fields(io::parse_json(found->second, source), source);
  if (const auto rule = read(fields, "")) rules.common_ = *rule;
  for (const auto& item : fields.json().items()) {
    const auto component = item.key().substr(0, item.key().find('.'));
    if (component.size() == item.key().size() || rules.of_component_.count(component) != 0)
      continue;
    if (const auto rule = read(fields, component + '.')) rules.of_component_[component] = *rule;
  }
  return rules;
}

double AlphaRules::scale(const TargetLayer& layer, int64_t rank) const {
  const auto of_component = of_component_.find(layer.component);
  const auto& rule = of_component == of_component_.end() ? common_ : of_component->second;
  const auto divisor = static_cast<double>(rank);
  double alpha = rule.alpha.value_or(divisor);
  for (const auto& [path, pattern_alpha] : rule.patterns) {
    if (!ends_with_path(layer.name, path)) continue;
    alpha = pattern_alpha;
    break;
  }
  return alpha / (rule.rank_stabilised ? std::sqrt(divisor) : divisor);
}

}  // namespace glm_image::adapters
