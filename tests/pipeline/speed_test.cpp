#include "pipeline/speed.h"

#include <gtest/gtest.h>

namespace glm_image::test {
namespace {

/// A preset's evaluations of the transformer, as a share of those of exact.
double share_of_evaluations(Speed speed, int64_t model_steps) {
  const auto evaluations = [&](Speed of) {
    Request request;
    request.guidance = 1.5;
    request.speed = of;
    pipeline::fill_speed(request, model_steps);
    return static_cast<double>(
        diffusion::evaluations(pipeline::sampling_options(request), *request.steps));
  };
  return evaluations(speed) / evaluations(Speed::kExact);
}

// 50 steps are the published model's, 20 nano's.
TEST(Speed, PresetsEvaluateAsMuchLessAsTheyPromise) {
  for (const int64_t steps : {20, 50}) {
    EXPECT_LE(share_of_evaluations(Speed::kBalanced, steps), 0.4) << steps;
    EXPECT_LE(share_of_evaluations(Speed::kFast, steps), 0.2) << steps;
  }
}

TEST(Speed, ExactIsTheModelsOwnSteps) {
  Request request;
  request.guidance = 2;
  pipeline::fill_speed(request, 20);
  EXPECT_EQ(request.steps, 20);
  EXPECT_EQ(request.solver, Solver::kEuler);
  EXPECT_EQ(diffusion::evaluations(pipeline::sampling_options(request), 20), 40);
}

TEST(Speed, APresetNeverTakesMoreStepsThanTheModel) {
  for (const auto& preset : pipeline::speed_presets()) {
    Request request;
    request.speed = preset.speed;
    pipeline::fill_speed(request, 3);
    EXPECT_LE(*request.steps, 3) << speed_name(preset.speed);
  }
}

TEST(Speed, GivenValuesStay) {
  Request request;
  request.speed = Speed::kBalanced;
  request.steps = 11;
  request.guidance_every = 1;
  pipeline::fill_speed(request, 50);
  EXPECT_EQ(request.steps, 11);
  EXPECT_EQ(request.guidance_every, 1);
  EXPECT_EQ(request.solver, Solver::kMultistep);
}

}  // namespace
}  // namespace glm_image::test
