#pragma once

#include <optional>

#include "models/autoencoder/autoencoder_kl.h"
#include "train/config/stage_keys.h"
#include "train/objectives/vae_reconstruction.h"
#include "train/stages/data_stage.h"

namespace glm_image::train {

/// The stage "vae": trains the VAE (objectives/vae_reconstruction.h). The data may give loss
/// weights of pixels.
///
/// `latent_noise`: noise added to the latents of each picture. Its standard deviation, in units of
/// the latents', is drawn uniformly from 0 to this value. The VAE's decoder thus learns to paint
/// details from the imprecise latents of a DiT.
///
/// `keep_encoder`: only the VAE's decoder is trained, from `start`. The latents stay the same, so
/// everything trained on them remains valid.
class VaeStage : public DataStage {
 public:
  VaeStage(const TrainingConfig& config,
           const at::Device& device,
           std::shared_ptr<const TrainingData> data);

  std::vector<TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  Outcome forward(const Batch& batch, int64_t batch_index) override;
  bool divides_rows() const override { return true; }
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& folder) override;

 private:
  Batch make_batch(int64_t batch_index, ExampleReader& reader) const override;
  /// Measures the mean and standard deviation of each latent channel over examples and writes them
  /// into the config.
  void measure_latents(nlohmann::json& component_config);
  Tensor on_device(const Tensor& pictures, at::ScalarType type) const;
  /// The model with the weights that write_components stores, in float32 as for inference.
  models::AutoencoderKL as_written() const;

  VaeKeys keys_;
  models::AutoencoderKL model_{nullptr};
  std::optional<VaeReconstruction> objective_;
};

}  // namespace glm_image::train
