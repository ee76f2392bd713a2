#pragma once

namespace glm_image {

/// From now on the memory of large CPU tensors is kept for the next tensor of about that size
/// instead of being given back, and lies in huge pages where the system has them.
///
/// For programs that make tensors of the same shapes over and over, as training does: there the
/// kernel's zeroing of fresh pages costs as much as the arithmetic of the element-wise operations.
/// Concerns the whole process, so it is a decision of programs, not of the library.
void keep_tensor_memory();

}  // namespace glm_image
