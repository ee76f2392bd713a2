#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/torch.h"
#include "train/stage.h"

namespace glm_image::train {

struct AdapterOptions {
  int64_t rank = 16;
  double alpha = 16;  ///< the update is scaled by alpha/rank
  /// The layers that learn: those whose names have one of the prefixes and one of the endings.
  std::vector<std::string> prefixes, endings;
};

/// Low-rank updates (nn/low_rank_update.h) of the linear layers of a frozen module, as parameters
/// to train. They are named as PEFT names them: "LAYER.lora_A.weight" [rank, in] and
/// "LAYER.lora_B.weight" [out, rank].
class TrainedAdapters {
 public:
  /// Freezes all parameters of `base` and attaches an update to each layer that
  /// learns, of the layer's type, after those that it has. `base` must outlive this. Throws
  /// kInvalidInput if no layer does.
  TrainedAdapters(torch::nn::Module& base, const AdapterOptions& options);

  /// The parameters alone; without storage until an optimiser provides it.
  torch::nn::Module& module() const { return *module_; }
  /// The update begins at 0: A is uniform in ±1/√in, as PEFT's kaiming_uniform(√5), and B is 0.
  static void initialise(const std::string& name, Tensor& weight, at::Generator& random);
  /// Copies of the parameters, on the CPU.
  NamedTensors values() const;
  int64_t layers() const { return layers_; }
  const AdapterOptions& options() const { return options_; }

 private:
  AdapterOptions options_;
  std::shared_ptr<torch::nn::Module> module_;
  int64_t layers_ = 0;
};

}  // namespace glm_image::train
