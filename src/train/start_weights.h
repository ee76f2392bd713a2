#pragma once

#include <filesystem>
#include <map>

#include "io/weight_set.h"
#include "train/stage.h"

namespace glm_image::train {

/// The weights of a checkpoint that a run starts from, where it does not start from random ones.
class StartWeights {
 public:
  /// Throws what opening the components throws, and kCorruptFile for a tensor that is missing or
  /// of another shape.
  StartWeights(const std::filesystem::path& checkpoint, const std::vector<TrainedModule>& modules);

  /// Fills the weight of this name ("MODULE.PARAMETER"). False when a checkpoint has none, since
  /// its module is needed in training alone.
  bool fill(const std::string& name, Tensor& weight) const;

 private:
  std::map<std::string, Tensor> weights_;  // views of the mapped files
};

}  // namespace glm_image::train
