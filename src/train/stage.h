#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/torch.h"
#include "glm_image/image.h"

namespace glm_image::train {

/// Tensors of one step by name, made ahead of it on another thread.
using Batch = std::map<std::string, Tensor>;
/// Makes the batch of any step, always the same for the same step.
using BatchMaker = std::function<Batch(int64_t step)>;

struct Outcome {
  Tensor loss;  ///< scalar float32, to be minimised
  /// Scalars worth a curve of their own; NaN where the batch had nothing to measure.
  std::map<std::string, Tensor> parts;
};

/// A module whose parameters are trained, under the name of its component.
struct TrainedModule {
  std::string name;
  torch::nn::Module* module;
  /// Parameters of it that gradients do not train, by name; the stage gives them storage.
  std::vector<std::string> left_out = {};
  /// The component of a checkpoint that holds its weights, and what stands before their names
  /// there. No component: needed in training alone.
  std::string component = {};
  std::string prefix = {};
};

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// What one part of a GLM-Image model learns from. The loop (training_loop.h) does the rest:
/// optimiser, checkpoints, curves.
///
/// Everything random follows from (seed, step), so that a run that is resumed sees what it would
/// have seen.
class Stage {
 public:
  virtual ~Stage() = default;

  virtual std::vector<TrainedModule> modules() = 0;
  /// Fills a new parameter's float32 master weights.
  virtual void initialise(const std::string& name, Tensor& weight, at::Generator& random) = 0;

  /// For one of the loader's threads: several makers work side by side, and beside forward.
  virtual BatchMaker batch_maker() = 0;
  virtual Outcome forward(const Batch& batch, int64_t step) = 0;
  /// After the optimiser's step: for what is not learnt by gradients.
  virtual void after_step(int64_t /*step*/) {}
  /// State of the stage itself that a checkpoint must hold; written in place when resumed.
  virtual NamedTensors state() { return {}; }

  /// Pictures that show how far the run is, with the averaged weights in the modules.
  virtual Image sample_sheet() = 0;
  /// Writes the components, configs and weights, into `folder`, with the averaged weights in the
  /// modules.
  virtual void write_components(const std::filesystem::path& folder) = 0;
};

}  // namespace glm_image::train
