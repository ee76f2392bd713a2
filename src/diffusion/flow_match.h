#pragma once

#include <cstdint>
#include <vector>

#include "core/torch.h"
#include "io/json_file.h"

/// Flow matching with Euler steps and GLM-Image's schedule.
/// After diffusers' FlowMatchEulerDiscreteScheduler and the published pipeline.
namespace glm_image::diffusion {

/// scheduler/scheduler_config.json. A missing key has the default of diffusers'
/// FlowMatchEulerDiscreteScheduler. Only dynamic shifting, which is not the default, is supported.
struct FlowMatchConfig {
  int64_t num_train_timesteps = 0;
  int64_t base_image_seq_len = 0;
  double base_shift = 0;
  double max_shift = 0;

  static FlowMatchConfig from_json(const io::JsonFields& config);
};

/// μ = base_shift + max_shift·√(tokens/base_image_seq_len): larger pictures stay noisy for more
/// steps.
double resolution_shift(const FlowMatchConfig& config, int64_t image_tokens);

/// σ' = μ/(μ + 1/σ − 1), in float32.
float shifted_sigma(float sigma, double mu);
/// The same for timesteps t [N] float32 from 1 … num_train_timesteps, σ = t/num_train_timesteps.
Tensor shifted_sigmas(const FlowMatchConfig& config, const Tensor& t, double mu);

struct Schedule {
  /// The DiT's timestep input at each step: t_i − 1, *unshifted*. With the shifted value, which
  /// diffusers passes since its change #14011, this model generates magenta, grainy pictures.
  std::vector<float> timesteps;
  /// Shifted noise levels, steps + 1 of them; the last is 0.
  std::vector<float> sigmas;
};

/// t_i = trunc(linspace(T, 1, steps + 1)[i]), σ_i = t_i/T, shifted for the number of image tokens.
Schedule make_schedule(const FlowMatchConfig& config, int64_t steps, int64_t image_tokens);

/// latents + (σ_{i+1} − σ_i)·velocity, in float32.
Tensor euler_step(const Tensor& latents,
                  const Tensor& velocity,
                  const Schedule& schedule,
                  int64_t i);

/// latents − σ_i·velocity: the clean latents predicted at step i.
Tensor predicted_clean(const Tensor& latents,
                       const Tensor& velocity,
                       const Schedule& schedule,
                       int64_t i);

/// Classifier-free guidance of velocities of one shape: u + g·(c − u).
Tensor guide(const Tensor& conditional, const Tensor& unconditional, double guidance);

/// The same from d = c − u: c + (g − 1)·d.
Tensor guide_by(const Tensor& difference, const Tensor& conditional, double guidance);

/// (1 − σ)·clean + σ·noise, both of one shape, for σ that broadcasts to it: the DiT's input in
/// training; sampling begins at σ = 1.
Tensor noised(const Tensor& clean, const Tensor& noise, const Tensor& sigma);

}  // namespace glm_image::diffusion
