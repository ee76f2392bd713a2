#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter_targets.h"
#include "adapters/layer_patterns.h"
#include "io/json_file.h"

namespace glm_image::adapters {

/// The settings of PEFT's LoraConfig that decide the scales of an adapter's layers.
class AlphaRules {
 public:
  /// No settings: every layer has the scale 1, as if its alpha were its rank.
  AlphaRules() = default;
  /// From a PEFT folder's adapter_config.json. Throws kNotFound, kCorruptFile, and kUnsupported for
  /// another method and for a variant of LoRA that computes something else.
  static AlphaRules from_config(const std::filesystem::path& file);
  /// From the metadata of a safetensors file, where diffusers stores the same settings, with or
  /// without a component's name before each. `file` names it in messages. Empty without them.
  /// Throws as from_config.
  static std::optional<AlphaRules> from_metadata(const std::map<std::string, std::string>& metadata,
                                                 const std::string& file);

  /// alpha/rank, or alpha/√rank if the settings ask for rank-stabilised LoRA. `path` is the layer's
  /// name as the trainer saw it. Throws kCorruptFile if the settings have another rank: they are
  /// those of another adapter.
  double scale(const TargetLayer& layer, const std::string& path, int64_t rank) const;

 private:
  struct Rule {
    std::optional<double> alpha, rank;
    LayerPatterns alphas, ranks;
    bool rank_stabilised = false;
  };
  static std::optional<Rule> read(const io::JsonFields& fields, const std::string& prefix);

  std::string source_;
  Rule common_;
  std::map<std::string, Rule> of_component_;
};

}  // namespace glm_image::adapters
