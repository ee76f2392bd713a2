#pragma once

#include <functional>

#include "train/stage.h"

namespace glm_image::train {

struct OptimizerOptions {
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  ///< for parameters of two or more dimensions
  double max_grad_norm = 1.0;  ///< largest norm of the gradient
};

/// Mixed-precision AdamW (Loshchilov and Hutter 2019): float32 master weights for modules that
/// compute in bfloat16.
///
/// The constructor rebinds each parameter to a view of one buffer of the working type. Master
/// weights, gradients and moments are flat buffers of the same layout, so a step is a few passes
/// over long vectors. Convolution kernels are stored channels last.
class MixedPrecisionAdamW {
 public:
  MixedPrecisionAdamW(const std::vector<TrainedModule>& modules,
                      at::ScalarType working_type,
                      const at::Device& device,
                      const OptimizerOptions& options);

  /// Fills the master weights one parameter at a time.
  void initialise(const std::function<void(const std::string& name, Tensor& weight)>& fill);

  /// Adds the parameters' gradients, divided by `parts`, to the accumulated gradients and clears
  /// the parameters' own.
  void accumulate(int64_t parts);
  /// Takes one AdamW step on the accumulated gradients and clears them. Returns their norm before
  /// clipping. If the norm is not finite, the weights do not change.
  double step(double learning_rate) { return step(learning_rate, gradient_norm()); }
  /// The same with a given norm. Ranks with other threads may round theirs in another way.
  double step(double learning_rate, double norm);
  double gradient_norm() const { return gradient_.norm().item<double>(); }
  /// Discards the accumulated gradients.
  void drop_gradients();

  /// Copies the master weights, or another buffer of the same layout, into the modules.
  void use_masters() { use(master_); }
  void use(const Tensor& buffer);

  /// The optimizer's state as views: "master.NAME", "first_moment.NAME", "second_moment.NAME" and
  /// "optimizer.steps".
  NamedTensors state() const;
  /// The parameters' views of a buffer of that layout, as PREFIX and the parameter's name.
  NamedTensors views(const std::string& prefix, const Tensor& buffer) const;
  /// Validates the tensors of state() after they were read from the file `source` and updates the
  /// modules. Throws kCorruptFile if the number of steps is not in [0, most_steps] or a second
  /// moment is negative.
  void restored(const std::string& source, int64_t most_steps);
  /// Number of AdamW steps taken so far.
  int64_t steps_taken() const { return steps_.item<int64_t>(); }

  int64_t parameters() const { return master_.numel(); }

  /// A parameter and the view of its accumulated gradient, whose values are `count` from `begin` on
  /// in gradients().
  struct GradientSlot {
    Tensor parameter, gradient;
    int64_t begin, count;
    bool has_decay;
  };
  /// In the order of gradients(): parameters with weight decay come first.
  std::vector<GradientSlot> gradient_slots() const;
  /// The master weights and the accumulated gradients, float32, flat.
  const Tensor& masters() const { return master_; }
  const Tensor& gradients() const { return gradient_; }
  /// Clears the parameters' own gradients.
  void clear_parameter_gradients();
  /// The tensors of state(), as flat buffers.
  std::vector<Tensor> buffers() const { return {master_, first_moment_, second_moment_, steps_}; }

  /// The number of values in the modules' trained parameters.
  static int64_t values_of(const std::vector<TrainedModule>& modules);
  /// Bytes that a run holds for the weights of these modules: the buffers, and the gradients of one
  /// batch. Activations and copies within a step come on top.
  static int64_t bytes_for(const std::vector<TrainedModule>& modules, at::ScalarType working_type);

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
  int64_t decayed_ = 0;  ///< number of leading values with weight decay
  Tensor working_, master_, gradient_, first_moment_, second_moment_;
  Tensor steps_;  ///< int64 scalar
};

}  // namespace glm_image::train
