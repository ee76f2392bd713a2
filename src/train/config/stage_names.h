#pragma once

#include <string>
#include <vector>

namespace glm_image::train {

/// A stage and its name in former versions, which configs may still use.
struct StageName {
  const char* name;
  const char* old_name = nullptr;
};

inline constexpr const char* kVaeStage = "vae";
inline constexpr const char* kVqStage = "vq";
inline constexpr const char* kTransformerStage = "transformer";
inline constexpr const char* kGeneratorStage = "generator";

/// The stages that are trained by gradients, in the order of training.
inline constexpr StageName kStages[] = {
    {kVaeStage}, {kVqStage, "tokenizer"}, {kTransformerStage, "decoder"}, {kGeneratorStage}};

/// The present name of a stage.
inline std::string present_stage_name(const std::string& name) {
  for (const auto& stage : kStages) {
    if (stage.old_name != nullptr && name == stage.old_name) return stage.name;
  }
  return name;
}

/// The former name of a stage, or nullptr.
inline const char* old_stage_name(const std::string& name) {
  for (const auto& stage : kStages) {
    if (name == stage.name) return stage.old_name;
  }
  return nullptr;
}

inline std::vector<std::string> stage_names() {
  std::vector<std::string> names;
  for (const auto& stage : kStages) names.push_back(stage.name);
  return names;
}

}  // namespace glm_image::train
