#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace glm_image::kernels {

/// Uninitialised working memory of a kernel, aligned for vectors and for pages.
template <typename T>
class Scratch {
 public:
  explicit Scratch(int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    // aligned_alloc demands a multiple of the alignment.
    data_ = static_cast<T*>(std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }

 private:
  static constexpr std::size_t kAlignment = 4096;
  T* data_ = nullptr;
};

}  // namespace glm_image::kernels
