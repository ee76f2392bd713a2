#pragma once

#include <functional>

#include "train/stage.h"

namespace glm_image::train {

struct OptimizerOptions {
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  ///< of matrices and kernels; vectors are left alone
  double clip = 1.0;           ///< largest norm of the gradient
  double average = 0.999;      ///< decay of the running average of the weights
};

/// The float32 weights behind modules that compute in bfloat16, and AdamW on them (Loshchilov and
/// Hutter 2019).
///
/// Construction rebinds every parameter of the modules to a view of one buffer of the working type;
/// masters, gradients, moments and averages are buffers of the same shape, so that a step is a few
/// passes over long vectors. Kernels of convolutions are laid out channels last.
class MasterWeights {
 public:
  MasterWeights(const std::vector<TrainedModule>& modules,
                at::ScalarType working_type,
                const at::Device& device,
                const OptimizerOptions& options);

  /// Fills the masters, one parameter at a time, and starts the average from them.
  void initialise(const std::function<void(const std::string& name, Tensor& weight)>& fill);

  /// Adds the parameters' gradients, divided by `parts`, to the masters' and clears them.
  void accumulate(int64_t parts);
  /// One step of AdamW on the gradients accumulated; clears them. Returns their norm before
  /// clipping. A norm that is not finite leaves all weights as they were.
  double step(double learning_rate);
  /// Clears the gradients accumulated, for a step that must not be taken.
  void drop_gradients();

  /// Which weights the modules compute with.
  void use_average();
  void use_masters();

  /// Everything a checkpoint needs, as views: "master.NAME", "average.NAME", moments and the count
  /// of steps.
  NamedTensors state();
  /// After `state()` tensors were read from the file `source`: brings modules up to date. Throws
  /// kCorruptFile for a state that a run of `most_steps` steps does not have.
  void restored(const std::string& source, int64_t most_steps);
  /// Steps of AdamW taken so far.
  int64_t steps_taken() const { return steps_.item<int64_t>(); }

  int64_t parameters() const { return master_.numel(); }

 private:
  struct Slot {
    std::string name;
    Tensor parameter;
    int64_t begin, count;
    bool channels_last;
  };
  Tensor view(const Tensor& buffer, const Slot& slot) const;
  void update_range(int64_t begin, int64_t end, double learning_rate, double weight_decay);

  OptimizerOptions options_;
  std::vector<Slot> slots_;
  int64_t decayed_ = 0;  ///< values of the parameters that decay; they come first
  Tensor working_, master_, gradient_, first_moment_, second_moment_, average_;
  Tensor steps_;  ///< int64 scalar
};

}  // namespace glm_image::train
