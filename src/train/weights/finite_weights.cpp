#include "train/weights/finite_weights.h"

#include "core/error.h"

namespace glm_image::train {

void check_finite(const std::string& source, const std::string& name, const Tensor& tensor) {
  if (!tensor.is_floating_point()) return;
  // Fast path: the sum is finite only if all values are. It may also overflow for finite values, so
  // the slow check decides then.
  if (at::isfinite(tensor.sum(at::kDouble)).item<bool>()) return;
  if (at::isfinite(tensor).all().item<bool>()) return;
  fail(ErrorCode::kCorruptFile, source, ": the tensor '", name, "' has a value that is not finite");
}

}  // namespace glm_image::train
