#include "diffusion/sampling_options.h"

namespace glm_image::diffusion {

bool is_guided(const SamplingOptions& options, int64_t i, int64_t steps) {
  if (options.guidance == 1) return false;
  const double done = static_cast<double>(i) / static_cast<double>(steps);
  return done >= options.guided.begin && done < options.guided.end;
}

bool evaluates_both(const SamplingOptions& options, int64_t i, int64_t steps) {
  if (!is_guided(options, i, steps)) return false;
  int64_t guided_before = 0;
  for (int64_t before = 0; before < i; ++before) {
    guided_before += is_guided(options, before, steps) ? 1 : 0;
  }
  return guided_before % options.guidance_every == 0;
}

bool reuses_difference(const SamplingOptions& options, int64_t i, int64_t steps) {
  return i < steps && is_guided(options, i, steps) && !evaluates_both(options, i, steps);
}

int64_t evaluations(const SamplingOptions& options, int64_t steps) {
  int64_t sum = steps;
  for (int64_t i = 0; i < steps; ++i) sum += evaluates_both(options, i, steps) ? 1 : 0;
  return sum;
}

}  // namespace glm_image::diffusion
