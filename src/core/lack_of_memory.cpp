#include "core/lack_of_memory.h"

namespace glm_image {

bool is_lack_of_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  // The only place that reads a message: LibTorch's CPU allocator and those of device plugins throw
  // a plain c10::Error, which has no other mark.
  const std::string message = error.what_without_backtrace();
  for (const char* sentence : {"can't allocate memory", "out of memory"}) {
    if (message.find(sentence) != std::string::npos) return true;
  }
  return false;
}

}  // namespace glm_image
