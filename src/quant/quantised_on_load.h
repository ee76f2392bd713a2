#pragma once

#include <map>

#include "io/packed_weights.h"
#include "io/weight_set.h"
#include "nn/quantised_matrix.h"
#include "quant/weight_form.h"

namespace glm_image::quant {

/// Linear layers that files store as floats and that become quantised when they are bound. Their
/// values are those that a file written by quantise.h would have.
class QuantisedOnLoad : public io::PackedWeights {
 public:
  /// The layers of `module` that `rules` quantise and that the kernels accept. `component` is the
  /// name that the rules know. `weights`, which must match the module, must outlive the result.
  QuantisedOnLoad(const io::WeightSet& weights,
                  const std::string& component,
                  const torch::nn::Module& module,
                  const FormRules& rules);

  bool holds(const std::string& parameter) const override { return forms_.count(parameter) != 0; }
  std::string parameter_of(const std::string& tensor) const override {
    return holds(tensor) ? tensor : "";
  }
  std::vector<io::WeightSet::Location> parts_of(const std::string& parameter) const override {
    return {*weights_.find(parameter)};
  }
  Tensor unpack(const std::string& parameter,
                at::IntArrayRef shape,
                at::ScalarType type) const override;
  /// Throws kCorruptFile, naming the tensor, for a value that is not finite.
  std::shared_ptr<const nn::QuantisedMatrix> pack(const std::string& parameter,
                                                  at::IntArrayRef shape) const override;
  int64_t packed_bytes(const std::string& parameter, at::IntArrayRef shape) const override;
  std::shared_ptr<const nn::QuantisedMatrix> view(const std::string& /*parameter*/,
                                                  at::IntArrayRef /*shape*/) const override {
    return nullptr;
  }

 private:
  static nn::QuantisedForm packed_form(const WeightForm& form, int64_t out, int64_t in);

  const io::WeightSet& weights_;
  std::map<std::string, WeightForm> forms_;  ///< by parameter
};

}  // namespace glm_image::quant
