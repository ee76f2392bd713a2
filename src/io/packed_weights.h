#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/torch.h"
#include "io/weight_cut.h"
#include "io/weight_set.h"
#include "nn/quantised_matrix.h"

namespace glm_image::io {

/// Parameters that a component's files store quantised, in tensors of other names and shapes than
/// the parameter's. bind_weights unpacks them, so that models need not know.
class PackedWeights {
 public:
  virtual ~PackedWeights() = default;
  /// Whether the parameter of this name is stored packed.
  virtual bool holds(const std::string& parameter) const = 0;
  /// The packed parameter that this stored tensor is part of; empty for none.
  virtual std::string parameter_of(const std::string& tensor) const = 0;
  /// The stored tensors of a packed parameter.
  virtual std::vector<WeightSet::Location> parts_of(const std::string& parameter) const = 0;
  /// Returns the parameter's values, [out, in], on the CPU, rounded to a floating type. Throws
  /// kCorruptFile if the parts do not fit `shape` or each other, kUnsupported for an unsupported
  /// variant.
  virtual Tensor unpack(const std::string& parameter,
                        at::IntArrayRef shape,
                        at::ScalarType type) const = 0;
  /// `unpack` of a part of the parameter, whose whole has the cut's shape.
  virtual Tensor unpack_part(const std::string& parameter,
                             const WeightCut& cut,
                             at::ScalarType type) const {
    return apply_cut(unpack(parameter, cut.shape, type), cut);
  }
  /// The parameter as the CPU's kernels multiply by it; null where its values are not exactly those
  /// of a form that they take. Throws as unpack does.
  virtual std::shared_ptr<const nn::QuantisedMatrix> pack(const std::string& parameter,
                                                          at::IntArrayRef shape) const = 0;
  /// The bytes that `pack` would take; 0 where it would return null. Throws as unpack does.
  virtual int64_t packed_bytes(const std::string& parameter, at::IntArrayRef shape) const = 0;
  /// `pack` of a part of the parameter, whose whole has the cut's shape. Null too where the cut
  /// divides a group of columns that share a scale, and where the reader does not cut; the part is
  /// then unpacked.
  virtual std::shared_ptr<const nn::QuantisedMatrix> pack_part(const std::string& /*parameter*/,
                                                               const WeightCut& /*cut*/) const {
    return nullptr;
  }
  /// The bytes that `pack_part` would take; 0 where it would return null.
  virtual int64_t packed_part_bytes(const std::string& /*parameter*/,
                                    const WeightCut& /*cut*/) const {
    return 0;
  }
  /// The parameter for products that read the stored tensors where they are mapped, so that it
  /// takes no memory of its own; null where their order does not allow it.
  virtual std::shared_ptr<const nn::QuantisedMatrix> view(const std::string& parameter,
                                                          at::IntArrayRef shape) const = 0;
};

}  // namespace glm_image::io
