#pragma once

#include <cstddef>
#include <cstdint>

namespace glm_image {

/// Memory of its own mapping, zero at first: in huge pages where the system has them, and given
/// back to the system when it is freed. Throws kOutOfMemory.
class LargeMemory {
 public:
  explicit LargeMemory(std::size_t bytes);
  ~LargeMemory();
  LargeMemory(const LargeMemory&) = delete;
  LargeMemory& operator=(const LargeMemory&) = delete;

  uint8_t* data() const { return data_; }

 private:
  uint8_t* data_;
  std::size_t bytes_;
};

}  // namespace glm_image
