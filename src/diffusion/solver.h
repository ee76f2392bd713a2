#pragma once

#include "core/torch.h"
#include "diffusion/flow_match.h"
#include "glm_image/request.h"

namespace glm_image::diffusion {

/// Solves dx/dσ = v(x, σ) from noise (σ = 1) to the picture (σ = 0) over the noise levels of a
/// schedule, with one velocity a step.
///
/// Solver::kEuler: x + (σ' − σ)·v, first order.
/// Solver::kMultistep: the second-order Adams-Bashforth method for steps of different lengths. With
/// h = σ' − σ, the step before of length h₀ and its velocity v₀:
///   x' = x + h·(v + h/(2·h₀)·(v − v₀)).
/// The first step is Euler's.
class SchedulerStep {
 public:
  /// `schedule` must outlive this.
  SchedulerStep(Solver solver, const Schedule& schedule);

  /// The latents of step i + 1, float32, from those of step i and their velocity, of one shape. To
  /// be called for i = 0, 1, …, in this order.
  Tensor operator()(const Tensor& latents, const Tensor& velocity, int64_t i);

 private:
  Solver solver_;
  const Schedule& schedule_;
  Tensor velocity_before_;
};

}  // namespace glm_image::diffusion
