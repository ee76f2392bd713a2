#pragma once

namespace glm_image {

/// Installs a caching allocator for CPU tensors. The memory of a freed large tensor is reused for
/// the next one of about the same size, and is in huge pages where the system has them.
///
/// For programs that allocate tensors of the same shapes repeatedly, as training does: otherwise
/// the kernel's zeroing of fresh pages costs as much as the element-wise operations. It affects the
/// whole process, so programs call it, not the library.
void keep_tensor_memory();

}  // namespace glm_image
