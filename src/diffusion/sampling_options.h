#pragma once

#include <cstdint>

#include "glm_image/request.h"

namespace glm_image::diffusion {

struct SamplingOptions {
  Solver solver = Solver::kEuler;
  /// Classifier-free guidance (Ho and Salimans 2022); 1 evaluates no unconditional velocity.
  double guidance = 1;
  /// The steps that are guided (Kynkäänniemi et al. 2024); in the others, too, no unconditional
  /// velocity is evaluated.
  GuidanceInterval guided;
  /// An unconditional velocity is evaluated in one of this many guided steps, from the first on.
  /// The others reuse its difference from the conditional one (the CFG cache of Lv et al. 2024).
  int64_t guidance_every = 1;
};

/// Whether step i of `steps` is guided.
bool is_guided(const SamplingOptions& options, int64_t i, int64_t steps);
/// Whether step i of `steps` evaluates both velocities.
bool evaluates_both(const SamplingOptions& options, int64_t i, int64_t steps);
/// Whether step i of `steps` is guided by the difference of an earlier step. False for i = steps.
bool reuses_difference(const SamplingOptions& options, int64_t i, int64_t steps);

/// Evaluations of the velocity in `steps` steps.
int64_t evaluations(const SamplingOptions& options, int64_t steps);

}  // namespace glm_image::diffusion
