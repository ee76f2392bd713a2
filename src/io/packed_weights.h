#pragma once

#include <string>

#include "core/torch.h"

namespace glm_image::io {

/// Parameters of a component that its files store quantised, in other tensors than one of the
/// parameter's name and shape. Models do not know: bind_weights asks for the values.
class PackedWeights {
 public:
  virtual ~PackedWeights() = default;
  /// Whether the parameter of this name is stored packed.
  virtual bool holds(const std::string& parameter) const = 0;
  /// The packed parameter that this tensor of the files is a part of; empty for none.
  virtual std::string parameter_of(const std::string& tensor) const = 0;
  /// The parameter's values, [out, in] float32. Throws kCorruptFile for parts that do not fit this
  /// shape or each other, kUnsupported for a variant that is not read.
  virtual Tensor unpack(const std::string& parameter, at::IntArrayRef shape) const = 0;
};

}  // namespace glm_image::io
