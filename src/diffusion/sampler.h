#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "diffusion/flow_match.h"
#include "diffusion/sampling_options.h"

/// The sampling loop: from noise to latents with any model of the velocity.
namespace glm_image::diffusion {

/// Evaluates the velocity of latents [B, C, H, W] at a timestep of the schedule, with its condition
/// or without. Returns float32.
using Velocity = std::function<Tensor(const Tensor& latents, float timestep, bool is_conditional)>;

/// Evaluates both velocities of a guided step, with the condition and without. `evaluate` computes
/// one of them on this machine.
using EvaluatePair = std::function<std::pair<Tensor, Tensor>(
    const std::function<Tensor(bool is_conditional)>& evaluate)>;

/// A step of the loop that is done.
struct SampledStep {
  int64_t index = 0;
  Tensor before;    ///< the latents at σ_i
  Tensor velocity;  ///< with guidance
  Tensor after;     ///< the latents at σ_{i+1}
};

/// Moves latents from σ_0 to 0. `on_step` is called after every step and may throw to stop. Without
/// `pair`, the velocities of a guided step are evaluated one after the other.
Tensor sample(Tensor latents,
              const Schedule& schedule,
              const SamplingOptions& options,
              const Velocity& velocity,
              const std::function<void(const SampledStep&)>& on_step = {},
              const EvaluatePair& pair = {});

}  // namespace glm_image::diffusion
