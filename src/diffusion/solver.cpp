#include "diffusion/solver.h"

namespace glm_image::diffusion {

SchedulerStep::SchedulerStep(Solver solver, const Schedule& schedule)
    : solver_(solver), schedule_(schedule) {}

Tensor SchedulerStep::operator()(const Tensor& latents, const Tensor& velocity, int64_t i) {
  if (solver_ == Solver::kEuler) return euler_step(latents, velocity, schedule_, i);

  auto extrapolated = velocity.to(at::kFloat);
  if (i > 0) {
    const double step = schedule_.sigmas.at(i + 1) - schedule_.sigmas.at(i);
    const double step_before = schedule_.sigmas.at(i) - schedule_.sigmas.at(i - 1);
    extrapolated = extrapolated + step / (2 * step_before) * (extrapolated - velocity_before_);
  }
  velocity_before_ = velocity.to(at::kFloat);
  return euler_step(latents, extrapolated, schedule_, i);
}

}  // namespace glm_image::diffusion
