#include "quant/weight_form.h"

#include <charconv>

#include "core/error.h"

namespace glm_image::quant {
namespace {

constexpr int64_t kSmallestGroup = 32;

/// The layers that hold nearly all the weights. What is small or sensitive stays as it is: norms,
/// embeddings, the first and the last layers, the text encoder and the VAE.
struct Default {
  const char* weights;
  const char* expression;
  const char* form;
};
constexpr Default kDefaults[] = {
    {"q8", R"(^vision_language_encoder\.model\.language_model\.layers\.)", "q8"},
    {"q8", R"(^vision_language_encoder\.model\.visual\.blocks\.)", "q8"},
    {"q8", R"(^transformer\.transformer_blocks\.)", "q8"},
    {"q4", R"(^vision_language_encoder\.model\.language_model\.layers\.)", "q4"},
    {"q4", R"(^vision_language_encoder\.model\.visual\.blocks\.)", "q8"},
    {"q4", R"(^transformer\.transformer_blocks\.)", "q4"},
    // The modulation multiplies whole channels.
    {"q4", R"(^transformer\.transformer_blocks\.\d+\.norm1\.)", "q8"},
};

}  // namespace

WeightForm WeightForm::for_inputs(int64_t in) const {
  WeightForm form = *this;
  while (form.group != 0 && in % form.group != 0) {
    form.group = form.group / 2 < kSmallestGroup ? 0 : form.group / 2;
  }
  if (form.group == in) form.group = 0;
  return form;
}

WeightForm parse_weight_form(const std::string& text, const std::string& source) {
  if (text == "bf16") return {};
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  WeightForm form;
  if (name == "q8") form = {8, 0};
  if (name == "q4") form = {4, 128};
  bool valid = form.is_quantised();
  if (valid && colon != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, form.group);
    valid = error == std::errc() && rest == end &&
            (form.group == 32 || form.group == 64 || form.group == 128);
  }
  if (!valid) {
    fail(ErrorCode::kInvalidInput,
         source,
         ": '",
         text,
         "' must be q8, q4, bf16, or q8 or q4 with the size of a group, 32, 64 or 128, like q4:64");
  }
  return form;
}

FormRules::FormRules(const std::string& weights, const std::string& rules) {
  if (weights != "q8" && weights != "q4" && weights != "bf16") {
    fail(ErrorCode::kInvalidInput, "--weights: '", weights, "' must be q8, q4 or bf16");
  }
  for (const auto& rule : kDefaults) {
    if (weights == rule.weights) add(rule.expression, rule.form, /*is_default=*/true);
  }
  for (size_t begin = 0; begin < rules.size();) {
    const auto comma = std::min(rules.find(',', begin), rules.size());
    const auto rule = rules.substr(begin, comma - begin);
    const auto equals = rule.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      fail(ErrorCode::kInvalidInput, "--rules: '", rule, "' must be EXPRESSION=FORM");
    }
    add(rule.substr(0, equals), rule.substr(equals + 1), /*is_default=*/false);
    begin = comma + 1;
  }
}

void FormRules::add(const std::string& expression, const std::string& form, bool is_default) {
  try {
    rules_.push_back({expression + "=" + form,
                      std::regex(expression),
                      parse_weight_form(form, "--rules"),
                      is_default});
  } catch (const std::regex_error& error) {
    fail(ErrorCode::kInvalidInput,
         "--rules: '",
         expression,
         "' is no regular expression: ",
         error.what());
  }
}

WeightForm FormRules::form_of(const std::string& component, const std::string& layer) const {
  const auto name = concat(component, ".", layer);
  WeightForm form;
  for (const auto& rule : rules_) {
    if (!std::regex_search(name, rule.expression)) continue;
    form = rule.form;
    rule.used = true;
  }
  return form;
}

void FormRules::check_all_used() const {
  for (const auto& rule : rules_) {
    if (rule.used || rule.is_default) continue;
    fail(ErrorCode::kInvalidInput,
         "--rules: '",
         rule.text,
         "' names no linear layer; names are like transformer.transformer_blocks.0.attn1.to_q");
  }
}

}  // namespace glm_image::quant
