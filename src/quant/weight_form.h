#pragma once

#include <cstdint>
#include <regex>
#include <string>
#include <vector>

/// Which form each weight of a checkpoint is stored in.
namespace glm_image::quant {

/// How the weight of a linear layer is stored.
struct WeightForm {
  int bits = 16;      ///< of an integer, 8 or 4; 16 for a weight that stays as it is
  int64_t group = 0;  ///< inputs that share a scale; 0 for one scale an output

  bool is_quantised() const { return bits < 16; }
  /// The same for a weight with this number of inputs: a group that does not divide them is halved,
  /// and below 32 there is one scale an output.
  WeightForm for_inputs(int64_t in) const;
};

/// "q8" (one scale an output), "q4" (groups of 128), "q8:64" or "q4:32" (group size), or
/// "bf16" (as it is). Throws kInvalidInput for anything else; `source` names the option.
WeightForm parse_weight_form(const std::string& text, const std::string& source);

/// Decides by name: the last rule whose regular expression is found in
/// "<component>.<layer>" counts.
class FormRules {
 public:
  /// The defaults of `weights`, "q8", "q4" or "bf16", then `rules`: "EXPRESSION=FORM,…". Throws
  /// kInvalidInput, naming the rule.
  FormRules(const std::string& weights, const std::string& rules);

  WeightForm form_of(const std::string& component, const std::string& layer) const;
  /// Throws kInvalidInput for a rule of the user's that was found in no name so far.
  void check_all_used() const;

 private:
  struct Rule {
    std::string text;
    std::regex expression;
    WeightForm form;
    bool is_default;
    mutable bool used = false;
  };
  void add(const std::string& expression, const std::string& form, bool is_default);

  std::vector<Rule> rules_;
};

}  // namespace glm_image::quant
