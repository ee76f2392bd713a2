#pragma once

#include <atomic>
#include <initializer_list>

#include "core/torch.h"
#include "kernels/element.h"

/// When the fused CPU kernels (src/kernels) compute an operation, and how their work is shared out.
namespace glm_image::nn {

/// The one place that knows of a build without the kernels: every use of them stands behind
/// `kernels_apply`, whose answer is then always no.
#if GLM_IMAGE_HAVE_HIGHWAY
inline constexpr bool kHaveKernels = true;
#else
inline constexpr bool kHaveKernels = false;
#endif

/// True when all tensors lie on the CPU, share one type that the kernels know, none is empty, and
/// no gradient must flow.
bool kernels_apply(std::initializer_list<const Tensor*> tensors);

/// The same where a gradient must flow: the case of nn/differentiable.h.
bool gradient_kernels_apply(std::initializer_list<const Tensor*> tensors);

kernels::Element element_of(const Tensor& tensor);

/// Address of value `offset` of a tensor of either type.
inline void* value_at(const Tensor& tensor, int64_t offset = 0) {
  return static_cast<char*>(tensor.data_ptr()) + offset * tensor.element_size();
}

/// Rows of `channels` values that a thread takes at least: below a few tens of thousands of values
/// waking a thread costs more than it saves.
inline int64_t rows_per_thread(int64_t channels) {
  constexpr int64_t kValuesPerThread = 32768;
  return std::max<int64_t>(kValuesPerThread / std::max<int64_t>(channels, 1), 1);
}

/// piece(index, workspace) for 0 ≤ index < pieces over all threads, each with one Workspace made
/// from `problem`. A thread takes the next piece when it is done with one, so that a core that is
/// slow for a while does not hold up the others.
template <typename Workspace, typename Problem, typename PieceFunction>
void for_each_piece(int64_t pieces, const Problem& problem, const PieceFunction& piece) {
  std::atomic<int64_t> next{0};
  const int64_t threads = std::min<int64_t>(pieces, at::get_num_threads());
  at::parallel_for(0, threads, /*grain_size=*/1, [&](int64_t, int64_t) {
    Workspace workspace(problem);
    for (int64_t index = next++; index < pieces; index = next++) piece(index, workspace);
  });
}

}  // namespace glm_image::nn
