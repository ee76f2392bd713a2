#include "pipeline/speed.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace glm_image {

const char* speed_name(Speed speed) {
  switch (speed) {
    case Speed::kExact:
      return "exact";
    case Speed::kBalanced:
      return "balanced";
    case Speed::kFast:
      return "fast";
  }
  return "";
}

const char* solver_name(Solver solver) {
  return solver == Solver::kEuler ? "euler" : "multistep";
}

}  // namespace glm_image

namespace glm_image::pipeline {
namespace {

constexpr Solver kSolvers[] = {Solver::kEuler, Solver::kMultistep};

}  // namespace

const std::vector<SpeedPreset>& speed_presets() {
  static const std::vector<SpeedPreset> kPresets = {
      {Speed::kExact, 1.0, 1, Solver::kEuler, {0, 1}, 1, 0},
      {Speed::kBalanced, 0.5, 10, Solver::kMultistep, {0, 1}, 2, 0},
      {Speed::kFast, 0.14, 6, Solver::kEuler, {0.1, 1}, 3, 0},
  };
  return kPresets;
}

std::vector<std::string> speed_names() {
  std::vector<std::string> names;
  for (const auto& preset : speed_presets()) names.emplace_back(speed_name(preset.speed));
  return names;
}

std::vector<std::string> solver_names() {
  std::vector<std::string> names;
  for (const auto solver : kSolvers) names.emplace_back(solver_name(solver));
  return names;
}

Speed speed_named(const std::string& name) {
  for (const auto& preset : speed_presets()) {
    if (name == speed_name(preset.speed)) return preset.speed;
  }
  fail_at(ErrorCode::kInvalidInput,
          {"", "speed"},
          "speed must be exact, balanced or fast; found '",
          name,
          "'");
}

Solver solver_named(const std::string& name) {
  for (const auto solver : kSolvers) {
    if (name == solver_name(solver)) return solver;
  }
  fail_at(ErrorCode::kInvalidInput,
          {"", "solver"},
          "solver must be euler or multistep; found '",
          name,
          "'");
}

void fill_speed(Request& request, int64_t model_steps) {
  const auto wanted = request.speed.value_or(Speed::kExact);
  const auto& presets = speed_presets();
  const auto preset = std::find_if(presets.begin(), presets.end(), [&](const auto& candidate) {
    return candidate.speed == wanted;
  });
  if (!request.steps) {
    const int64_t share = std::llround(preset->steps * static_cast<double>(model_steps));
    request.steps = std::min(std::max(share, preset->least_steps), model_steps);
  }
  if (!request.solver) request.solver = preset->solver;
  if (!request.guided) request.guided = preset->guided;
  if (!request.guidance_every) request.guidance_every = preset->guidance_every;
  if (!request.step_cache) request.step_cache = preset->step_cache;
}

diffusion::SamplingOptions sampling_options(const Request& request) {
  return {request.solver.value_or(Solver::kEuler),
          request.guidance.value_or(1),
          request.guided.value_or(GuidanceInterval()),
          request.guidance_every.value_or(1)};
}

}  // namespace glm_image::pipeline
