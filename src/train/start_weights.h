#pragma once

#include <filesystem>
#include <map>

#include "io/weight_set.h"
#include "train/stage.h"

namespace glm_image::train {

/// The weights of a checkpoint that a run starts from, where it does not start from random ones.
class StartWeights {
 public:
  /// Throws what opening the components throws, and kCorruptFile for a tensor that is missing, of
  /// another shape or not of a floating type, or has a value that is not finite.
  StartWeights(const std::filesystem::path& checkpoint, const std::vector<TrainedModule>& modules);

  /// Fills the weight of this name ("MODULE.PARAMETER"). False when there is none for it: its
  /// module is needed in training alone, and the checkpoint is none that a run wrote.
  bool fill(const std::string& name, Tensor& weight) const;

 private:
  std::map<std::string, Tensor> weights_;  // views of the mapped files
};

/// Keeps the modules that are needed in training alone beside a run's components, where a run that
/// starts from them finds them: untrained, they would disturb at first what is trained already.
void write_training_modules(const std::filesystem::path& components,
                            const std::vector<TrainedModule>& modules);

}  // namespace glm_image::train
