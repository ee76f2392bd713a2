#pragma once

#include <string>
#include <vector>

#include "diffusion/sampling_options.h"
#include "glm_image/request.h"

/// Presets of the denoising settings (docs/speed.md has their measured cost).
namespace glm_image::pipeline {

struct SpeedPreset {
  Speed speed;
  double steps;         ///< as a share of the model's own
  int64_t least_steps;  ///< but no fewer than these, and no more than the model's own
  Solver solver;
  GuidanceInterval guided;
  int64_t guidance_every;  ///< guided steps for each that evaluates both velocities
  double step_cache;       ///< threshold
};

/// The table, from the most exact on.
const std::vector<SpeedPreset>& speed_presets();

/// Their names, in the order of the table.
std::vector<std::string> speed_names();
std::vector<std::string> solver_names();

/// The preset of this name. Throws kInvalidInput.
Speed speed_named(const std::string& name);
/// Throws kInvalidInput.
Solver solver_named(const std::string& name);

/// Denoising steps of a draft: enough to recognise the composition by.
inline constexpr int64_t kDraftSteps = 6;

/// Sets those of steps, solver, guided, guidance_every and step_cache that have no value, from the
/// request's speed. `model_steps` is the model's own number of steps.
void fill_speed(Request& request, int64_t model_steps);

/// Parts without a value are exact, and without guidance.
diffusion::SamplingOptions sampling_options(const Request& request);

}  // namespace glm_image::pipeline
