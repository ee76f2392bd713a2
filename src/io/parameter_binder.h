#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/weight_binding.h"
#include "nn/modules.h"

namespace glm_image::io {

/// Binds single parameters of a module to the tensors of their names, and releases them again.
/// bind_weights, which binds all of them, says how. Not thread-safe, except read_ahead.
class ParameterBinder {
 public:
  /// Verifies all weights as verify_weights does; binds nothing. `module`, `weights` and
  /// `options.packed` must outlive this.
  ParameterBinder(const torch::nn::Module& module,
                  const WeightSet& weights,
                  const BindingOptions& options);

  /// The parameters that `options.wanted` names and that have weights, in the module's order.
  const std::vector<std::string>& names() const { return names_; }
  /// Bytes of a parameter's stored tensors; of one that is cut, its share of them.
  uint64_t stored_bytes(const std::string& parameter) const;

  /// Call with gradients disabled.
  void bind(const std::string& parameter);
  /// Binds for a short time: a quantised weight is read where it is mapped, if its order allows it,
  /// so that nothing is repacked. One that is cut is packed each time.
  void bind_passing(const std::string& parameter);
  /// Asks the kernel to read the stored tensors into its cache of files.
  void read_ahead(const std::string& parameter) const;
  /// Releases the parameter's storage, and the pages of a mapped one. `drop_cached` lets the kernel
  /// drop the stored tensors from its cache of files too.
  void release(const std::string& parameter, bool drop_cached);

 private:
  struct Item {
    Tensor parameter;
    nn::LinearImpl* layer = nullptr;  ///< whose weight it is; null for other parameters
    bool is_packed = false;
    const WeightCut* cut = nullptr;                   ///< null if it holds the whole tensor
    std::shared_ptr<const nn::QuantisedMatrix> view;  ///< of a packed one; made once
    std::vector<WeightSet::Location> parts;
  };
  bool bind_packed(const std::string& name, Item& item);
  Tensor unpacked(const std::string& name, const Item& item) const;

  BindingOptions options_;
  std::vector<std::string> names_;
  std::map<std::string, Item> items_;
};

}  // namespace glm_image::io
