#pragma once

#include <string>

#include "glm_image/request.h"

namespace glm_image::test {

/// A request as Pipeline::check returns it: every field that has a default is set, here to the
/// values of Speed::kExact and no adapters.
inline Request checked_request(
    const std::string& prompt, int64_t width, int64_t height, int64_t steps, double guidance) {
  Request request;
  request.prompt = prompt;
  request.width = width;
  request.height = height;
  request.steps = steps;
  request.guidance = guidance;
  request.solver = Solver::kEuler;
  request.guided = GuidanceInterval();
  request.guidance_every = 1;
  request.step_cache = 0;
  request.adapters.emplace();
  return request;
}

}  // namespace glm_image::test
