#include "train/objectives/flow_matching_noise.h"

#include "train/batch/stratified_uniform.h"

namespace glm_image::train {

NoiseLevels draw_noise(const diffusion::FlowMatchConfig& flow,
                       int64_t image_tokens,
                       const NoiseOptions& options,
                       const BatchShare& share,
                       at::Generator& random,
                       FlowMatchingBatch& batch) {
  const auto device = batch.clean.device();
  auto sizes = batch.clean.sizes().vec();
  sizes[0] = options.repeats * share.total();
  const auto noise = at::randn(sizes, random, at::TensorOptions(at::kFloat));
  batch.noise = share.cut(noise, options.repeats).to(device);

  NoiseLevels levels;
  levels.all = stratified_uniform(share.total(), options.repeats, random);
  levels.own = share.cut(levels.all, options.repeats);
  const auto& density = options.timestep_density;
  const auto fraction = density ? 1 - (1 - levels.own).pow(*density) : levels.own;
  const auto t = fraction.mul(static_cast<double>(flow.num_train_timesteps - 1)).add(1);
  batch.timestep = (t - 1).to(device);
  const double mu = diffusion::resolution_shift(flow, image_tokens);
  batch.sigma = diffusion::shifted_sigmas(flow, t, mu).to(device);
  return levels;
}

}  // namespace glm_image::train
