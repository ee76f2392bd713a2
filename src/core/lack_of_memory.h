#pragma once

#include "core/torch.h"

namespace glm_image {

/// Whether LibTorch threw the error because an allocator had no memory.
bool is_lack_of_memory(const c10::Error& error);

}  // namespace glm_image
