#include "diffusion/sampler.h"

#include "diffusion/published_config.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

using namespace diffusion;

TEST(Sampler, TheTrueVelocityLeadsToThePictureAndEveryStepIsReported) {
  const auto clean = at::randn({2, 3, 4, 4}), noise = at::randn({2, 3, 4, 4});
  const auto schedule = make_schedule(published_config(), 5, 64);
  std::vector<float> timesteps;
  const auto velocity = [&](const Tensor& /*latents*/, float timestep, bool is_conditional) {
    EXPECT_TRUE(is_conditional);
    timesteps.push_back(timestep);
    return noise - clean;
  };
  auto start = noised(clean, noise, at::full({1, 1, 1, 1}, schedule.sigmas[0]));
  auto expected = start;
  std::vector<int64_t> steps;
  const auto sampled = sample(start, schedule, {}, velocity, [&](const auto& step) {
    steps.push_back(step.index);
    EXPECT_TRUE(at::equal(step.before, expected));
    expected = euler_step(expected, step.velocity, schedule, step.index);
    EXPECT_TRUE(at::equal(step.after, expected));
  });
  EXPECT_LE(relative_error(sampled, clean), 1e-6);
  EXPECT_EQ(steps, (std::vector<int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(timesteps, schedule.timesteps);
}

TEST(Sampler, GuidanceExtrapolatesFromTheUnconditionalVelocity) {
  const auto schedule = make_schedule(published_config(), 1, 64);
  const auto conditional = at::randn({1, 1, 2, 2}), unconditional = at::randn({1, 1, 2, 2});
  int64_t evaluations = 0;
  const auto velocity = [&](const Tensor& /*latents*/, float /*timestep*/, bool is_conditional) {
    ++evaluations;
    return is_conditional ? conditional : unconditional;
  };
  const auto sampled = sample(at::zeros({1, 1, 2, 2}), schedule, {Solver::kEuler, 3, {}}, velocity);
  EXPECT_LE(relative_error(sampled, 2 * unconditional - 3 * conditional), 1e-6);
  EXPECT_EQ(evaluations, 2);
}

// A linear field: the difference of the two velocities is the same at every step, so that reusing
// it changes nothing but the number of evaluations.
TEST(Sampler, AReusedDifferenceGuidesAsAnEvaluatedOne) {
  const auto schedule = make_schedule(published_config(), 10, 64);
  const auto offset = at::randn({1, 1, 2, 2}), start = at::randn({1, 1, 2, 2});
  int64_t conditional = 0, unconditional = 0;
  const auto velocity = [&](const Tensor& latents, float /*timestep*/, bool is_conditional) {
    ++(is_conditional ? conditional : unconditional);
    return is_conditional ? latents + offset : latents;
  };
  SamplingOptions options{Solver::kEuler, 3, {0.2, 0.9}};
  const auto expected = sample(start, schedule, options, velocity);
  EXPECT_EQ(unconditional, 7);
  conditional = unconditional = 0;
  options.guidance_every = 3;
  EXPECT_LE(relative_error(sample(start, schedule, options, velocity), expected), 1e-6);
  EXPECT_EQ(conditional, 10);
  EXPECT_EQ(unconditional, 3);
  EXPECT_EQ(evaluations(options, 10), 13);
}

// Where the difference changes, the step that reuses it is guided by the earlier one.
TEST(Sampler, TheDifferenceIsThatOfTheLastPair) {
  const auto schedule = make_schedule(published_config(), 4, 64);
  const auto velocity = [&](const Tensor& latents, float timestep, bool is_conditional) {
    return at::full_like(latents, is_conditional ? timestep : 0);
  };
  SamplingOptions options{Solver::kEuler, 3, {}};
  options.guidance_every = 2;
  std::vector<float> velocities;
  sample(at::zeros({1, 1, 1, 1}), schedule, options, velocity, [&](const auto& step) {
    velocities.push_back(step.velocity.template item<float>());
  });
  const auto& t = schedule.timesteps;
  EXPECT_EQ(velocities, (std::vector<float>{3 * t[0], t[1] + 2 * t[0], 3 * t[2], t[3] + 2 * t[2]}));
}

// A difference is kept only while the next step reuses it.
TEST(Sampler, KnowsWhichStepsReuseADifference) {
  const auto reusing = [](int64_t guidance_every, GuidanceInterval guided) {
    SamplingOptions options{Solver::kEuler, 3, guided};
    options.guidance_every = guidance_every;
    std::vector<int64_t> steps;
    for (int64_t i = 0; i <= 10; ++i) {
      if (reuses_difference(options, i, 10)) steps.push_back(i);
    }
    return steps;
  };
  EXPECT_EQ(reusing(1, {}), std::vector<int64_t>{});
  EXPECT_EQ(reusing(1, {0.2, 0.9}), std::vector<int64_t>{});
  EXPECT_EQ(reusing(2, {}), (std::vector<int64_t>{1, 3, 5, 7, 9}));
  EXPECT_EQ(reusing(3, {0.2, 0.9}), (std::vector<int64_t>{3, 4, 6, 7}));
}

// Training and sampling shift a timestep to the same noise level.
TEST(Sampler, TrainingShiftsAsTheScheduleDoes) {
  const auto config = published_config();
  for (const int64_t tokens : {64, 256, 4096}) {
    const auto schedule = make_schedule(config, 40, tokens);
    const auto t = torch::tensor(schedule.timesteps) + 1;
    const auto sigmas = shifted_sigmas(config, t, resolution_shift(config, tokens));
    const auto expected = torch::tensor(schedule.sigmas).narrow(0, 0, 40);
    EXPECT_LE(relative_error(sigmas, expected), 1e-6) << tokens;
  }
}

}  // namespace
}  // namespace glm_image::test
