#include <gtest/gtest.h>

#include <cmath>

#include "diffusion/published_config.h"
#include "diffusion/sampler.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using diffusion::make_schedule;
using diffusion::sample;
using diffusion::SampledStep;
using diffusion::SamplingOptions;
using diffusion::Schedule;

diffusion::FlowMatchConfig fine_config() {
  auto config = published_config();
  // Fine enough that rounding timesteps to integers does not affect the measured order.
  config.num_train_timesteps = 1 << 20;
  return config;
}

constexpr double kDeviation = 0.4;

/// Pictures are normal with mean 0 and standard deviation s. x(σ) then has variance (1 − σ)²s² +
/// σ², and the velocity E[noise − clean | x] = x·(σ − (1 − σ)s²)/((1 − σ)²s² + σ²) leads from x(1)
/// to s·x(1).
double velocity_factor(double sigma) {
  const double s2 = kDeviation * kDeviation;
  return (sigma - (1 - sigma) * s2) / ((1 - sigma) * (1 - sigma) * s2 + sigma * sigma);
}

double sigma_of(const Schedule& schedule, float timestep) {
  for (size_t i = 0; i < schedule.timesteps.size(); ++i) {
    if (schedule.timesteps[i] == timestep) return schedule.sigmas[i];
  }
  return -1;
}

/// The error after `steps` steps from x(1) = 1.
double error(Solver solver, int64_t steps) {
  const auto schedule = make_schedule(fine_config(), steps, 256);
  const auto velocity = [&](const Tensor& x, float timestep, bool) {
    return x * velocity_factor(sigma_of(schedule, timestep));
  };
  SamplingOptions options;
  options.solver = solver;
  const auto end = sample(at::ones({1, 1, 1, 1}), schedule, options, velocity);
  return std::abs(end.item<double>() - kDeviation);
}

TEST(Sampler, EulerHasOrderOneAndMultistepOrderTwo) {
  const auto order = [](Solver solver) { return std::log2(error(solver, 32) / error(solver, 64)); };
  EXPECT_NEAR(order(Solver::kEuler), 1, 0.25);
  EXPECT_NEAR(order(Solver::kMultistep), 2, 0.4);
  EXPECT_LT(error(Solver::kMultistep, 16), error(Solver::kEuler, 48));
}

TEST(Sampler, BothSolversFollowAStraightPathExactly) {
  const auto clean = at::full({1, 2, 3, 3}, 0.25), noise = at::full({1, 2, 3, 3}, -1.5);
  const auto schedule = make_schedule(fine_config(), 7, 64);
  const auto velocity = [&](const Tensor&, float, bool) { return noise - clean; };
  for (const auto solver : {Solver::kEuler, Solver::kMultistep}) {
    SamplingOptions options;
    options.solver = solver;
    const auto end = sample(noise, schedule, options, velocity);
    EXPECT_TRUE(at::allclose(end, clean, 0, 1e-5));
  }
}

TEST(Sampler, GuidesTheStepsOfTheInterval) {
  const auto schedule = make_schedule(fine_config(), 10, 64);
  SamplingOptions options;
  options.guidance = 3;
  options.guided = {0.2, 0.5};
  std::vector<float> unconditional_at;
  const auto velocity = [&](const Tensor& x, float timestep, bool is_conditional) {
    if (!is_conditional) unconditional_at.push_back(timestep);
    return is_conditional ? at::ones_like(x) : at::zeros_like(x);
  };
  std::vector<double> velocities;
  sample(at::zeros({1, 1, 1, 1}), schedule, options, velocity, [&](const SampledStep& step) {
    velocities.push_back(step.velocity.item<double>());
  });
  EXPECT_EQ(velocities, (std::vector<double>{1, 1, 3, 3, 3, 1, 1, 1, 1, 1}));
  EXPECT_EQ(
      unconditional_at,
      (std::vector<float>{schedule.timesteps[2], schedule.timesteps[3], schedule.timesteps[4]}));
  EXPECT_EQ(diffusion::evaluations(options, 10), 13);
  options.guided = {};
  EXPECT_EQ(diffusion::evaluations(options, 10), 20);
  options.guidance = 1;
  EXPECT_EQ(diffusion::evaluations(options, 10), 10);
}

TEST(Sampler, StopsWhereTheCallerThrows) {
  const auto schedule = make_schedule(fine_config(), 10, 64);
  int evaluated = 0;
  const auto velocity = [&](const Tensor& x, float, bool) {
    ++evaluated;
    return x;
  };
  EXPECT_THROW(sample(at::zeros({1, 1, 1, 1}),
                      schedule,
                      {},
                      velocity,
                      [](const SampledStep& step) {
                        if (step.index == 2) throw std::runtime_error("stop");
                      }),
               std::runtime_error);
  EXPECT_EQ(evaluated, 3);
}

}  // namespace
}  // namespace glm_image::test
