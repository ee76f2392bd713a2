#pragma once

#include <memory>
#include <mutex>

#include "models/autoencoder/autoencoder_kl.h"
#include "train/poster_stage.h"

namespace glm_image::train {

/// The stage "vae": pictures to latents and back.
///
/// loss = mean w·(|x − x̂| + (x − x̂)²) + edge·mean w·|∇x − ∇x̂| + kl·KL per element,
/// where w is 1, `text_weight` inside the boxes of texts and `marked_letter_weight` inside those of
/// letters beyond ASCII: flat ground fills most of a poster, and letters, the hard part, would
/// count for little.
///
/// `latent_noise` is added to the latents of each picture up to that many of their standard
/// deviations, so that the decoder learns to make letters of latents that a DiT paints nearly
/// right.
///
/// With `keep_encoder` the decoder alone goes on from `start`: the latents stay what they are, and
/// so does all that was trained on them.
class VaeStage : public PosterStage {
 public:
  VaeStage(const TrainingConfig& config, const at::Device& device);

  std::vector<TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  Outcome forward(const Batch& batch, int64_t step) override;
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& folder) override;

 private:
  Batch make_batch(int64_t step, PosterFeed& feed) const override;
  struct Weights {
    double squared, edge, kl;
    ItemWeights items;
  };
  /// Mean and standard deviation of each latent channel over posters, written into the config.
  void measure_latents(nlohmann::json& component_config);
  Tensor on_device(const Tensor& pictures, at::ScalarType type) const;
  /// The model with the weights that write_components stores, in float32 as in inference.
  models::AutoencoderKL as_written() const;

  Weights weights_{};
  double latent_noise_ = 0;
  bool keep_encoder_ = false;
  at::ScalarType encoder_type_ = at::kFloat;
  models::AutoencoderKL model_{nullptr};
};

}  // namespace glm_image::train
