#pragma once

#include <atomic>
#include <initializer_list>

#include "core/torch.h"
#include "core/work_meter.h"
#include "kernels/element.h"

/// When the fused CPU kernels (src/kernels) compute an operation, and how threads share the work.
namespace glm_image::nn {

/// Whether this build has the kernels. Every use of them is guarded by `kernels_apply`, which
/// returns false in a build without them.
#if GLM_IMAGE_HAVE_HIGHWAY
inline constexpr bool kHaveKernels = true;
#else
inline constexpr bool kHaveKernels = false;
#endif

/// Whether all tensors are on the CPU, have the same supported type, are not empty, and need no
/// gradient.
bool kernels_apply(std::initializer_list<const Tensor*> tensors);

/// As kernels_apply, for tensors of which one needs a gradient (nn/differentiable.h).
bool gradient_kernels_apply(std::initializer_list<const Tensor*> tensors);

/// Limits all kernels to core/cpu_level. A program calls this once, before it computes. Throws
/// kInvalidInput for a level that this CPU does not have.
void follow_cpu_level();

kernels::Element element_of(const Tensor& tensor);

/// Returns the address `offset` elements after the start of a tensor.
inline void* value_at(const Tensor& tensor, int64_t offset = 0) {
  return static_cast<char*>(tensor.data_ptr()) + offset * tensor.element_size();
}

/// Returns the minimum number of rows of `channels` values for a thread: for less than a few tens
/// of thousands of values, waking a thread costs more than it saves.
inline int64_t rows_per_thread(int64_t channels) {
  constexpr int64_t kValuesPerThread = 32768;
  return std::max<int64_t>(kValuesPerThread / std::max<int64_t>(channels, 1), 1);
}

/// Calls piece(index, workspace) for 0 ≤ index < pieces on all threads. Each thread has one
/// Workspace, constructed from `problem`. Threads take the next piece dynamically, so that a slow
/// core does not delay the others. Reports the calling thread's pieces (core/work_meter); a report
/// that throws stops all threads.
template <typename Workspace, typename Problem, typename PieceFunction>
void for_each_piece(int64_t pieces, const Problem& problem, const PieceFunction& piece) {
  std::atomic<int64_t> next{0};
  const int64_t threads = std::min<int64_t>(pieces, at::get_num_threads());
  at::parallel_for(0, threads, /*grain_size=*/1, [&](int64_t, int64_t) {
    Workspace workspace(problem);
    try {
      for (int64_t index = next++; index < pieces; index = next++) {
        piece(index, workspace);
        report_work();
      }
    } catch (...) {
      next = pieces;
      throw;
    }
  });
}

}  // namespace glm_image::nn
