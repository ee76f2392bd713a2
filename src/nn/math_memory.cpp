#include "nn/math_memory.h"

#include <cstdlib>

#include "core/error.h"
#include "core/torch.h"

namespace glm_image::nn {
namespace {

/// OpenBLAS's buffer, 128 MiB on x86-64 and less elsewhere, and as much for what else the first
/// product allocates.
constexpr std::size_t kBlasBytes = std::size_t{256} << 20;
/// The stack of a thread, with glibc's default limit, and its guard page.
constexpr std::size_t kStackBytes = std::size_t{9} << 20;

bool can_allocate(std::size_t bytes) {
  // Writing is not needed: the limit is one of address space. The compiler must keep the call.
  void* volatile memory = std::malloc(bytes);
  const bool done = memory != nullptr;
  std::free(memory);
  return done;
}

}  // namespace

void reserve_blas_memory() {
  static bool is_reserved = false;
  if (is_reserved) return;
  if (!can_allocate(kBlasBytes)) {
    fail(ErrorCode::kOutOfMemory, "not enough memory for the work buffer of the math library");
  }
  // Large enough for the kernels that use the buffer.
  constexpr int64_t kSide = 256;
  const auto matrix = at::zeros({kSide, kSide}, at::kFloat);
  at::mm(matrix, matrix);
  is_reserved = true;
}

void reserve_threads() {
  static thread_local bool is_reserved = false;
  if (is_reserved) return;
  const auto threads = static_cast<std::size_t>(at::get_num_threads());
  if (!can_allocate(threads * kStackBytes)) {
    fail(ErrorCode::kOutOfMemory, "not enough memory for ", threads, " threads");
  }
  at::parallel_for(0, static_cast<int64_t>(threads), 1, [](int64_t, int64_t) {});
  is_reserved = true;
}

}  // namespace glm_image::nn
