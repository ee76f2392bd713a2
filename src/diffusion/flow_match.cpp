#include "diffusion/flow_match.h"

#include <cmath>

#include "core/error.h"

namespace glm_image::diffusion {

FlowMatchConfig FlowMatchConfig::from_json(const io::JsonFields& json) {
  if (!json.optional_bool("use_dynamic_shifting", false)) {
    json.refuse("use_dynamic_shifting", "true", ErrorCode::kUnsupported);
  }
  if (json.optional_string("time_shift_type", "exponential") != "linear") {
    json.refuse("time_shift_type", "\"linear\"", ErrorCode::kUnsupported);
  }
  for (const char* variant : {"invert_sigmas",
                              "stochastic_sampling",
                              "use_beta_sigmas",
                              "use_exponential_sigmas",
                              "use_karras_sigmas"}) {
    json.supports_only(variant, false);
  }
  if (json.has("shift_terminal")) {
    json.refuse("shift_terminal", "null", ErrorCode::kUnsupported);
  }
  FlowMatchConfig config;
  config.num_train_timesteps = json.optional_int64("num_train_timesteps", 1000, 2, 1 << 20);
  config.base_image_seq_len = json.optional_int64("base_image_seq_len", 256, 1, int64_t{1} << 30);
  config.base_shift = json.optional_double("base_shift", 0.5, 0, 100);
  config.max_shift = json.optional_double("max_shift", 1.15, 0, 100);
  if (config.base_shift + config.max_shift == 0) {
    json.refuse("max_shift", "above 0 where base_shift is 0");
  }
  return config;
}

double resolution_shift(const FlowMatchConfig& config, int64_t image_tokens) {
  const double ratio =
      static_cast<double>(image_tokens) / static_cast<double>(config.base_image_seq_len);
  return config.base_shift + config.max_shift * std::sqrt(ratio);
}

float shifted_sigma(float sigma, double mu) {
  const auto m = static_cast<float>(mu);
  return m / (m + (1.0F / sigma - 1.0F));
}

Tensor shifted_sigmas(const FlowMatchConfig& config, const Tensor& t, double mu) {
  return mu / (mu + static_cast<double>(config.num_train_timesteps) / t - 1);
}

Schedule make_schedule(const FlowMatchConfig& config, int64_t steps, int64_t image_tokens) {
  GLM_IMAGE_CHECK(steps >= 1, steps, " steps");
  const double mu = resolution_shift(config, image_tokens);
  const auto last = static_cast<double>(config.num_train_timesteps);
  const double stride = (1.0 - last) / static_cast<double>(steps);
  Schedule schedule;
  for (int64_t i = 0; i < steps; ++i) {
    const auto t = static_cast<float>(std::trunc(last + stride * static_cast<double>(i)));
    schedule.timesteps.push_back(t - 1.0F);
    schedule.sigmas.push_back(
        shifted_sigma(t / static_cast<float>(config.num_train_timesteps), mu));
  }
  schedule.sigmas.push_back(0.0F);
  return schedule;
}

Tensor euler_step(const Tensor& latents,
                  const Tensor& velocity,
                  const Schedule& schedule,
                  int64_t i) {
  const float step = schedule.sigmas.at(i + 1) - schedule.sigmas.at(i);
  return latents.to(at::kFloat) + step * velocity.to(at::kFloat);
}

Tensor predicted_clean(const Tensor& latents,
                       const Tensor& velocity,
                       const Schedule& schedule,
                       int64_t i) {
  return latents.to(at::kFloat) - schedule.sigmas.at(i) * velocity.to(at::kFloat);
}

Tensor guide(const Tensor& conditional, const Tensor& unconditional, double guidance) {
  return unconditional + guidance * (conditional - unconditional);
}

Tensor guide_by(const Tensor& difference, const Tensor& conditional, double guidance) {
  return conditional + (guidance - 1) * difference;
}

Tensor noised(const Tensor& clean, const Tensor& noise, const Tensor& sigma) {
  return (1 - sigma) * clean + sigma * noise;
}

}  // namespace glm_image::diffusion
