#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/packed_weights.h"
#include "io/weight_cut.h"
#include "io/weight_set.h"

namespace glm_image::io {

/// Options for binding the weights of a component to its module.
struct BindingOptions {
  at::Device device = at::kCPU;
  /// Data type of the bound parameters; the stored type if absent.
  std::optional<at::ScalarType> dtype;
  /// Parameters for which this returns false are verified but get no storage.
  std::function<bool(const std::string& name)> wanted;
  /// Names (whole, or ending in '.' for a prefix) of tensors that the file may have without the
  /// module having them, and of parameters that the file may lack, which then get no storage. Give
  /// the reason for each where it is listed.
  std::vector<std::string> allowed_unexpected;
  std::vector<std::string> allowed_missing;
  /// Whether any other tensor that the module does not have is an error.
  bool strict = true;
  /// Parameters that are stored quantised; must outlive the call.
  const PackedWeights* packed = nullptr;
  /// Parameters that hold a part of their stored tensor only.
  WeightCuts cuts;
  /// Called with the bytes bound so far and in total; may throw to stop.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// Formats a shape for messages: "[2, 3]".
std::string shape_text(at::IntArrayRef shape);

/// Checks that the parameters of `module` and the tensors of `weights` correspond, by name and
/// shape. Returns the sorted names of the tensors that the module does not have, except those in
/// `allowed_unexpected`. Throws kCorruptFile, naming the file, the tensor, and the expected and
/// found shapes, for a tensor that is missing, has another shape, is not of a floating-point type,
/// or, with `strict`, is unexpected.
std::vector<std::string> verify_weights(const torch::nn::Module& module,
                                        const WeightSet& weights,
                                        const BindingOptions& options);

/// Verifies all weights, then binds every parameter to the tensor of its name. On the CPU and
/// without a change of type, the parameter becomes a view of the mapped file and nothing is copied;
/// otherwise it is converted or moved, one tensor at a time. A quantised weight of a linear layer
/// stays quantised, on any device, if the kernels accept its form (PackedWeights::pack). A
/// parameter that is cut by rows is a view too; one that is cut by columns, or into several ranges,
/// is a copy. Throws as verify_weights does, before anything is bound. Call with gradients
/// disabled.
void bind_weights(torch::nn::Module& module,
                  const WeightSet& weights,
                  const BindingOptions& options);

/// Releases the storage of every parameter of the module.
void unbind_weights(torch::nn::Module& module);

}  // namespace glm_image::io
