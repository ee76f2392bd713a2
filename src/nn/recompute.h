#pragma once

#include <functional>

#include "core/torch.h"

namespace glm_image::nn {

/// Returns f(x). Keeps only x for the backward pass, which evaluates f again (gradient
/// checkpointing, Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). A model of n
/// blocks thus keeps n inputs instead of all activations within the blocks.
///
/// Gradients reach x and the leaf tensors that f uses. A non-leaf tensor captured by f gets no
/// gradient; pass it as x. f must be deterministic, and what it refers to must live until the
/// backward pass. Without gradients this is f(x). Second derivatives throw kUnsupported.
Tensor recompute(const std::function<Tensor(const Tensor&)>& f, const Tensor& x);

/// Whether this thread evaluates f without gradients for a backward pass that will repeat it with
/// gradients, or is inside an AsInTraining. Operations that have a faster form for inference then
/// use the form of training, so that both evaluations agree.
bool is_recomputed();

/// Within its scope, this thread computes without gradients and is_recomputed() is true. Results
/// equal those of a recomputed evaluation, and within rounding those of one with gradients.
class AsInTraining {
 public:
  AsInTraining();
  ~AsInTraining();
  AsInTraining(const AsInTraining&) = delete;
  AsInTraining& operator=(const AsInTraining&) = delete;

 private:
  const at::NoGradGuard no_grad_;
  const bool before_;
};

}  // namespace glm_image::nn
