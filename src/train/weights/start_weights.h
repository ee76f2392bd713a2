#pragma once

#include <filesystem>
#include <map>

#include "io/weight_set.h"
#include "train/stage.h"

namespace glm_image::train {

/// The initial weights of a run that starts from a checkpoint.
class StartWeights {
 public:
  /// Throws as opening the components does. Throws kCorruptFile if a tensor is missing, of another
  /// shape, not of a floating type or not finite.
  StartWeights(const std::filesystem::path& checkpoint, const std::vector<TrainedModule>& modules);

  /// Copies the weight "MODULE.PARAMETER" into `weight`. Returns false if the checkpoint lacks it.
  /// This is possible for modules that are used only in training: the checkpoint may come from
  /// elsewhere, or their shapes may differ.
  bool fill(const std::string& name, Tensor& weight) const;

 private:
  std::map<std::string, Tensor> weights_;  // views of the mapped files
};

/// Writes the modules that are used only in training next to a run's components. A run that starts
/// from them reads them: randomly initialised heads would disturb the trained weights at first.
void write_training_modules(const std::filesystem::path& components,
                            const std::vector<TrainedModule>& modules);

}  // namespace glm_image::train
