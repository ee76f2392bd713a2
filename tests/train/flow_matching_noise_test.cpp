#include "train/objectives/flow_matching_noise.h"

#include "core/random.h"
#include "support/test_support.h"
#include "train/batch/stratified_uniform.h"

namespace glm_image::test {
namespace {

constexpr int64_t kNoisyPictures = 3, kNoisyTokens = 24;

diffusion::FlowMatchConfig noise_config() {
  diffusion::FlowMatchConfig config;
  config.num_train_timesteps = 1000;
  config.base_image_seq_len = 256;
  config.base_shift = 0.5;
  config.max_shift = 1.15;
  return config;
}

struct DrawnNoise {
  explicit DrawnNoise(const train::NoiseOptions& options) {
    batch.clean = at::zeros({options.repeats * kNoisyPictures, 4, 2, 6});
    auto random = make_random(5);
    levels = train::draw_noise(
        noise_config(), kNoisyTokens, options, train::BatchShare(kNoisyPictures), random, batch);
  }
  train::FlowMatchingBatch batch;
  train::NoiseLevels levels;
};

TEST(FlowMatchingNoise, FollowsItsGenerator) {
  const train::NoiseOptions options{/*repeats=*/2, /*timestep_density=*/{}};
  const DrawnNoise drawn(options);
  auto random = make_random(5);
  EXPECT_TRUE(
      at::equal(drawn.batch.noise, at::randn({6, 4, 2, 6}, random, at::TensorOptions(at::kFloat))));
  EXPECT_TRUE(at::equal(drawn.levels.all, train::stratified_uniform(kNoisyPictures, 2, random)));
  EXPECT_TRUE(at::equal(drawn.levels.own, drawn.levels.all));
}

TEST(FlowMatchingNoise, LevelsAreThoseOfTheSchedule) {
  for (const std::optional<double> density : {std::optional<double>(), std::optional<double>(2)}) {
    const DrawnNoise drawn({/*repeats=*/4, density});
    const auto config = noise_config();
    const double mu = diffusion::resolution_shift(config, kNoisyTokens);
    for (int64_t i = 0; i < 4 * kNoisyPictures; ++i) {
      const double u = drawn.levels.own[i].item<double>();
      const double t = 1 + 999 * (density ? 1 - (1 - u) * (1 - u) : u);
      EXPECT_NEAR(drawn.batch.timestep[i].item<double>(), t - 1, 1e-3);
      const float sigma = diffusion::shifted_sigma(static_cast<float>(t / 1000), mu);
      EXPECT_NEAR(drawn.batch.sigma[i].item<double>(), sigma, 1e-5);
    }
  }
}

TEST(FlowMatchingNoise, ADensityOfOneIsNone) {
  const DrawnNoise with({/*repeats=*/1, 1.0}), without({/*repeats=*/1, {}});
  EXPECT_LE(relative_error(with.batch.timestep, without.batch.timestep), 1e-5);
}

}  // namespace
}  // namespace glm_image::test
