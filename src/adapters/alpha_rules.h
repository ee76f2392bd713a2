#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter_targets.h"
#include "io/json_file.h"

namespace glm_image::adapters {

/// The scales that an adapter's settings, in the form of PEFT's LoraConfig, give to its layers.
class AlphaRules {
 public:
  /// No settings: every layer has the scale 1, as if its alpha were its rank.
  AlphaRules() = default;
  /// From a PEFT folder's adapter_config.json. Throws kNotFound, kCorruptFile, and kUnsupported for
  /// a variant of LoRA that computes something else.
  static AlphaRules from_config(const std::filesystem::path& file);
  /// From the metadata of a safetensors file, where diffusers stores the same settings, with or
  /// without a component's name before each. `file` names it in messages. Throws as from_config.
  static AlphaRules from_metadata(const std::map<std::string, std::string>& metadata,
                                  const std::string& file);

  /// alpha/rank, or alpha/√rank if the settings ask for rank-stabilised LoRA.
  double scale(const TargetLayer& layer, int64_t rank) const;

 private:
  struct Rule {
    std::optional<double> alpha;
    /// Alpha of the layers whose name ends with this path.
    std::vector<std::pair<std::string, double>> patterns;
    bool rank_stabilised = false;
  };
  static std::optional<Rule> read(const io::JsonFields& fields, const std::string& prefix);

  Rule common_;
  std::map<std::string, Rule> of_component_;
};

}  // namespace glm_image::adapters
