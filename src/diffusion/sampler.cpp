#include "diffusion/sampler.h"

#include "diffusion/solver.h"

namespace glm_image::diffusion {
namespace {

std::pair<Tensor, Tensor> one_after_the_other(const std::function<Tensor(bool)>& evaluate) {
  auto conditional = evaluate(/*is_conditional=*/true);
  return {std::move(conditional), evaluate(/*is_conditional=*/false)};
}

}  // namespace

Tensor sample(Tensor latents,
              const Schedule& schedule,
              const SamplingOptions& options,
              const Velocity& velocity,
              const std::function<void(const SampledStep&)>& on_step,
              const EvaluatePair& pair) {
  const auto steps = static_cast<int64_t>(schedule.timesteps.size());
  SchedulerStep scheduler_step(options.solver, schedule);
  // Of the last two velocities that were evaluated for one step, while the next step reuses it.
  Tensor difference;
  for (int64_t i = 0; i < steps; ++i) {
    const float timestep = schedule.timesteps[i];
    const auto evaluate = [&](bool is_conditional) {
      return velocity(latents, timestep, is_conditional);
    };
    Tensor guided;
    if (evaluates_both(options, i, steps)) {
      const auto both = pair ? pair(evaluate) : one_after_the_other(evaluate);
      guided = guide(both.first, both.second, options.guidance);
      if (reuses_difference(options, i + 1, steps)) difference = both.first - both.second;
    } else {
      guided = evaluate(/*is_conditional=*/true);
      if (reuses_difference(options, i, steps)) {
        guided = guide_by(difference, guided, options.guidance);
      }
      if (!reuses_difference(options, i + 1, steps)) difference.reset();
    }
    auto next = scheduler_step(latents, guided, i);
    if (on_step) on_step({i, latents, guided, next});
    latents = std::move(next);
  }
  return latents;
}

}  // namespace glm_image::diffusion
