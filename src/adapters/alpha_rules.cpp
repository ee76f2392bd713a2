#include "adapters/alpha_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <string_view>

#include "adapters/adapter_keys.h"
#include "core/error.h"
#include "io/shown.h"

namespace glm_image::adapters {
namespace {

constexpr const char* kMetadataKey = "lora_adapter_metadata";

/// Settings of LoraConfig with which a layer computes something else than W + scale·B·A. Each must
/// be false, null or empty. (PEFT's other settings choose layers, or act in training alone.)
constexpr const char* kVariants[] = {"fan_in_fan_out",
                                     "lora_bias",
                                     "use_qalora",
                                     "use_bdlora",
                                     "alora_invocation_tokens",
                                     "layer_replication",
                                     "modules_to_save",
                                     "trainable_token_indices",
                                     "target_parameters",
                                     "arrow_config",
                                     "kasa_config",
                                     "monteclora_config"};

/// Values of init_lora_weights that change the base's weights: the updates are not those of W.
constexpr std::array<std::string_view, 5> kBaseChanges = {
    "pissa", "olora", "corda", "loftq", "lora_ga"};

bool is_default(const io::Json& value) {
  return value.is_null() || value == false || (value.is_structured() && value.empty());
}

bool changes_base(std::string init) {
  std::transform(init.begin(), init.end(), init.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return std::any_of(kBaseChanges.begin(), kBaseChanges.end(), [&](std::string_view method) {
    return std::string_view(init).substr(0, method.size()) == method;
  });
}

/// Throws kUnsupported for what is not plain LoRA.
void require_lora(const io::JsonFields& fields, const std::string& prefix) {
  const auto type = fields.optional_string(prefix + "peft_type", "LORA");
  if (type != "LORA") {
    refuse_method(
        fields.source(), method_name(type), concat(prefix, "peft_type ", io::shown_name(type)));
  }
  if (fields.optional_bool(prefix + "use_dora", false)) {
    refuse_method(fields.source(), "DoRA", prefix + "use_dora");
  }
  const auto value = [&](const char* name) {
    const auto found = fields.json().find(prefix + name);
    return found == fields.json().end() ? io::Json() : *found;
  };
  for (const char* name : kVariants) {
    if (!is_default(value(name))) {
      fields.refuse(prefix + name, "false, null or empty", ErrorCode::kUnsupported);
    }
  }
  fields.supports_only(prefix + "bias", "none");
  const auto init = value("init_lora_weights");
  if (init.is_string() && changes_base(init.get<std::string>())) {
    fields.refuse(
        prefix + "init_lora_weights",
        "an initialisation that leaves the model's own weights as they are; PEFT's "
        "save_pretrained converts the adapter with path_initial_model_for_weight_conversion",
        ErrorCode::kUnsupported);
  }
}

LayerPatterns read_patterns(const io::JsonFields& fields, const std::string& name, double least) {
  const auto patterns = fields.optional_object(name);
  return patterns ? LayerPatterns(*patterns, least) : LayerPatterns();
}

}  // namespace

std::optional<AlphaRules::Rule> AlphaRules::read(const io::JsonFields& fields,
                                                 const std::string& prefix) {
  require_lora(fields, prefix);
  Rule rule;
  if (fields.has(prefix + "lora_alpha")) {
    rule.alpha = fields.required_double(prefix + "lora_alpha");
  }
  if (fields.has(prefix + "r")) rule.rank = fields.required_double(prefix + "r", 1);
  rule.rank_stabilised = fields.optional_bool(prefix + "use_rslora", false);
  rule.alphas =
      read_patterns(fields, prefix + "alpha_pattern", std::numeric_limits<double>::lowest());
  rule.ranks = read_patterns(fields, prefix + "rank_pattern", 1);
  const bool says_something = rule.alpha || rule.rank || rule.rank_stabilised ||
                              !rule.alphas.empty() || !rule.ranks.empty();
  return says_something ? std::optional(rule) : std::nullopt;
}

AlphaRules AlphaRules::from_config(const std::filesystem::path& file) {
  AlphaRules rules;
  rules.source_ = file.string();
  const auto fields = io::JsonFields::load(file);
  // Before what only LoRA has.
  const auto rule = read(fields, "");
  fields.required_double("lora_alpha");
  rules.common_ = *rule;
  return rules;
}

std::optional<AlphaRules> AlphaRules::from_metadata(
    const std::map<std::string, std::string>& metadata, const std::string& file) {
  const auto found = metadata.find(kMetadataKey);
  if (found == metadata.end()) return std::nullopt;
  AlphaRules rules;
  rules.source_ = concat(file, ": ", kMetadataKey);
  const io::JsonFields fields(io::parse_json(found->second, rules.source_), rules.source_);
  if (const auto rule = read(fields, "")) rules.common_ = *rule;
  for (const auto& item : fields.json().items()) {
    const auto component = item.key().substr(0, item.key().find('.'));
    if (component.size() == item.key().size() || rules.of_component_.count(component) != 0)
      continue;
    if (const auto rule = read(fields, component + '.')) rules.of_component_[component] = *rule;
  }
  return rules;
}

double AlphaRules::scale(const TargetLayer& layer, const std::string& path, int64_t rank) const {
  const auto of_component = of_component_.find(layer.component);
  const auto& rule = of_component == of_component_.end() ? common_ : of_component->second;
  const auto divisor = static_cast<double>(rank);
  const auto told = rule.ranks.of(path, layer.name);
  if (told ? *told != divisor : rule.rank && *rule.rank != divisor) {
    fail(ErrorCode::kCorruptFile,
         source_,
         ": gives the rank ",
         told ? *told : *rule.rank,
         " to the layer ",
         io::shown_name(layer.name),
         ", whose rank in the file is ",
         rank);
  }
  const double alpha = rule.alphas.of(path, layer.name).value_or(rule.alpha.value_or(divisor));
  return alpha / (rule.rank_stabilised ? std::sqrt(divisor) : divisor);
}

}  // namespace glm_image::adapters
