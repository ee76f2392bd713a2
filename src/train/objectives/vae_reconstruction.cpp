#include "train/objectives/vae_reconstruction.h"

#include <utility>

namespace glm_image::train {
namespace {

/// Differences to the right and down.
std::pair<Tensor, Tensor> edges_of(const Tensor& x) {
  return {x.narrow(3, 1, x.size(3) - 1) - x.narrow(3, 0, x.size(3) - 1),
          x.narrow(2, 1, x.size(2) - 1) - x.narrow(2, 0, x.size(2) - 1)};
}

}  // namespace

VaeReconstruction::VaeReconstruction(models::AutoencoderKL model, VaeReconstructionOptions options)
    : model_(std::move(model)), options_(options) {}

VaeReconstructionResult VaeReconstruction::loss(const VaeReconstructionBatch& batch) const {
  const auto posterior = [&] {
    const at::AutoGradMode gradients(options_.train_encoder);
    return model_->encode(batch.pictures.to(options_.encoder_type));
  }();
  const auto mean = posterior.mean.to(at::kFloat);
  const auto log_variance = posterior.log_variance.to(at::kFloat);
  auto latents = mean;
  if (batch.noise.defined()) latents = mean + (0.5 * log_variance).exp() * batch.noise;
  if (batch.latent_noise.defined()) {
    const auto all = batch.all_rows ? batch.all_rows(mean.detach()) : mean.detach();
    const auto deviation = all.std({0, 2, 3}, /*unbiased=*/true, /*keepdim=*/true);
    latents = latents + deviation * batch.latent_noise;
  }
  const auto decoded = model_->decode(latents.to(options_.decoder_type)).to(at::kFloat);

  const auto difference = decoded - batch.pictures;
  const auto [across, down] = edges_of(difference);
  const auto weights = batch.weights.defined()
                           ? batch.weights
                           : at::ones({1, 1, 1, 1}, difference.options())
                                 .expand({1, 1, difference.size(2), difference.size(3)});
  const auto absolute = (weights * difference.abs()).mean();
  const auto squared = (weights * difference.square()).mean();
  const auto edge = (weights.narrow(3, 1, across.size(3)) * across.abs()).mean() +
                    (weights.narrow(2, 1, down.size(2)) * down.abs()).mean();
  const auto kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean();
  const auto& factors = options_.weights;
  return {factors.absolute * absolute + factors.squared * squared + factors.edge * edge +
              factors.kl * kl,
          kl,
          edge,
          difference.detach().square().mean()};
}

}  // namespace glm_image::train
