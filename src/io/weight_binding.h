#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/packed_weights.h"
#include "io/weight_set.h"

namespace glm_image::io {

/// How the weights of a component are bound to its module.
struct BindingOptions {
  at::Device device = at::kCPU;
  /// The type that parameters get; the file's own when absent.
  std::optional<at::ScalarType> dtype;
  /// Parameters that are verified but left without storage are those for which this is false.
  std::function<bool(const std::string& name)> wanted;
  /// Names (whole, or ending in '.' for a prefix) that the file may hold without the module having
  /// them, or that it may lack: the module's parameter then stays without storage. Each needs a
  /// reason where it is listed.
  std::vector<std::string> allowed_unexpected;
  std::vector<std::string> allowed_missing;
  /// Whether any other tensor that the module does not have is an error.
  bool strict = true;
  /// Parameters that are stored quantised; must outlive the call.
  const PackedWeights* packed = nullptr;
  /// Called with the bytes bound so far and in all; may throw to stop.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// "[2, 3]", for messages.
std::string shape_text(at::IntArrayRef shape);

/// Checks every parameter of `module` against the tensors of the same name, and the other way
/// round. Returns the names of the tensors that the module does not have, but for those in
/// `allowed_unexpected`, in order. Throws kCorruptFile naming the file, the tensor, the expected
/// and the found shape for a tensor that is missing, of another shape, not of a floating type, or
/// with `strict` unexpected.
std::vector<std::string> verify_weights(const torch::nn::Module& module,
                                        const WeightSet& weights,
                                        const BindingOptions& options);

/// Verifies, then binds every parameter to the tensor of its name: on the CPU without a change of
/// type the parameter becomes a view of the mapped file and nothing is copied; otherwise it is
/// converted or moved, one tensor at a time. Nothing is bound unless all fit; throws as
/// verify_weights does. Call with gradients off.
void bind_weights(torch::nn::Module& module,
                  const WeightSet& weights,
                  const BindingOptions& options);

/// Every parameter of the module without storage again: releases what bind_weights holds.
void unbind_weights(torch::nn::Module& module);

}  // namespace glm_image::io
