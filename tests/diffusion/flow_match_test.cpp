#include "diffusion/flow_match.h"

#include "diffusion/published_config.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

using namespace diffusion;

TEST(FlowMatch, ShiftGrowsWithTheSquareRootOfTheTokens) {
  EXPECT_DOUBLE_EQ(resolution_shift(published_config(), 256), 1.0);
  EXPECT_DOUBLE_EQ(resolution_shift(published_config(), 4096), 0.25 + 0.75 * 4);
}

TEST(FlowMatch, ShiftOfOneChangesNothing) {
  for (const float sigma : {0.001F, 0.25F, 0.5F, 0.999F, 1.0F}) {
    EXPECT_NEAR(shifted_sigma(sigma, 1.0), sigma, 1e-6);
  }
}

TEST(FlowMatch, TimestepsAreTruncatedUnshiftedAndOneLess) {
  // linspace(1000, 1, 4) = 1000, 667, 334, 1
  const auto schedule = make_schedule(published_config(), 3, 4096);
  EXPECT_EQ(schedule.timesteps, (std::vector<float>{999, 666, 333}));
  EXPECT_EQ(schedule.sigmas.size(), 4U);
  EXPECT_FLOAT_EQ(schedule.sigmas[0], 1.0F);
  EXPECT_EQ(schedule.sigmas[3], 0.0F);
}

TEST(FlowMatch, SigmasFallForEveryNumberOfSteps) {
  for (int64_t steps = 1; steps <= 1000; steps += 37) {
    const auto schedule = make_schedule(published_config(), steps, 1024);
    ASSERT_EQ(static_cast<int64_t>(schedule.timesteps.size()), steps);
    for (int64_t i = 0; i < steps; ++i) {
      EXPECT_GT(schedule.sigmas[i], schedule.sigmas[i + 1]);
      EXPECT_GE(schedule.timesteps[i], 0);
    }
  }
}

TEST(FlowMatch, TheTrueVelocityLeadsFromNoiseToThePicture) {
  const auto clean = at::randn({1, 2, 4, 4}), noise = at::randn({1, 2, 4, 4});
  const auto schedule = make_schedule(published_config(), 7, 64);
  auto latents = noised(clean, noise, at::full({1, 1, 1, 1}, schedule.sigmas[0]));
  for (int64_t i = 0; i < 7; ++i) latents = euler_step(latents, noise - clean, schedule, i);
  EXPECT_LE(relative_error(latents, clean), 1e-6);
}

TEST(FlowMatch, TheTrueVelocityPredictsThePictureAtEveryStep) {
  const auto clean = at::randn({1, 2, 4, 4}), noise = at::randn({1, 2, 4, 4});
  const auto schedule = make_schedule(published_config(), 7, 64);
  for (int64_t i = 0; i < 7; ++i) {
    const auto latents = noised(clean, noise, at::full({1, 1, 1, 1}, schedule.sigmas[i]));
    EXPECT_LE(relative_error(predicted_clean(latents, noise - clean, schedule, i), clean), 1e-5);
  }
}

TEST(FlowMatch, GuidanceOfOneIsTheConditionalAlone) {
  const auto conditional = at::randn({4}), unconditional = at::randn({4});
  EXPECT_LE(relative_error(guide(conditional, unconditional, 1.0), conditional), 1e-6);
  EXPECT_LE(relative_error(guide(conditional, unconditional, 0.0), unconditional), 1e-6);
}

TEST(FlowMatch, RefusesSchedulersOfOtherKinds) {
  const auto file = tiny_model_dir() / "scheduler" / "scheduler_config.json";
  const auto original = nlohmann::json::parse(read_file(file));
  const auto with = [&](const std::string& key, const nlohmann::json& value) {
    auto changed = original;
    changed[key] = value;
    return io::JsonFields(changed, "scheduler_config.json");
  };
  EXPECT_NO_THROW(FlowMatchConfig::from_json(io::JsonFields(original, "scheduler_config.json")));
  expect_error(ErrorCode::kUnsupported, {"time_shift_type"}, [&] {
    FlowMatchConfig::from_json(with("time_shift_type", "exponential"));
  });
  expect_error(ErrorCode::kUnsupported, {"use_karras_sigmas"}, [&] {
    FlowMatchConfig::from_json(with("use_karras_sigmas", true));
  });
  expect_error(ErrorCode::kCorruptFile, {"base_shift"}, [&] {
    FlowMatchConfig::from_json(with("base_shift", "much"));
  });
  // σ = 1 would give 0/0.
  expect_error(ErrorCode::kCorruptFile, {"max_shift", "above 0"}, [&] {
    auto changed = original;
    changed["base_shift"] = changed["max_shift"] = 0;
    FlowMatchConfig::from_json(io::JsonFields(changed, "scheduler_config.json"));
  });
}

}  // namespace
}  // namespace glm_image::test
