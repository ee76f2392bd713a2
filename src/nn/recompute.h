#pragma once

#include <functional>

#include "core/torch.h"

namespace glm_image::nn {

/// Returns f(x). Of what f computes, only x is kept for the backward pass, which evaluates f again
/// (gradient checkpointing, Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). So
/// a model of n blocks keeps n inputs instead of everything within the blocks.
///
/// Gradients reach x and the leaves that f uses; a tensor with a history that f captures would get
/// none, so pass it as x. f must give the same result each time, and what it refers to must live
/// until the backward pass. Without gradients this is f(x). Second derivatives throw kUnsupported.
Tensor recompute(const std::function<Tensor(const Tensor&)>& f, const Tensor& x);

/// Whether this thread is in an evaluation of f, without gradients, that a backward pass repeats
/// with them, or in an AsInTraining. Operations with a faster form for
/// evaluations without gradients then take the form that a backward pass repeats.
bool is_recomputed();

/// Until the end of the scope, this thread computes without gradients, and is_recomputed(): its
/// result is that of a recomputed evaluation, and within rounding that of one with gradients.
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
