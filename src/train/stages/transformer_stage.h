#pragma once

#include <optional>

#include "diffusion/flow_match.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "train/config/stage_keys.h"
#include "train/objectives/flow_matching.h"
#include "train/stages/codes_stage.h"

namespace glm_image::train {

/// The stage "transformer": trains the DiT and the glyph encoder by flow matching
/// (objectives/flow_matching.h). The VAE (always float32) provides the latents and the visual
/// tokenizer the codes; both are frozen.
///
/// t is drawn from 1 … 1000 with stratified sampling (stratified_uniform.h), and σ = t/1000 is
/// shifted for the resolution. For classifier-free guidance, a fraction `cfg_dropout` of the
/// examples has no codes and an empty text.
///
/// A fraction `conditioning_noise` of the codes is random (conditioning_noise.h), because the
/// generator makes mistakes at inference.
///
/// In a fraction `random_crop` of the steps, the DiT trains on crops of the latents and is
/// conditioned on their positions (Podell et al. 2024, SDXL, section 2.2).
class TransformerStage : public CodesStage<TransformerAuxiliary> {
 public:
  TransformerStage(const TrainingConfig& config,
                   const at::Device& device,
                   std::shared_ptr<const TrainingData> data,
                   const TransformerAuxiliaryMaker& make_auxiliary = {});

  Outcome forward(const Batch& batch, int64_t batch_index) override;
  /// The losses of an auxiliary are means over what it finds in a batch.
  bool divides_rows() const override { return auxiliary_ == nullptr; }
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& folder) override;

 private:
  std::vector<TrainedModule> own_modules() override;
  void initialise_own(const std::string& name, Tensor& weight, at::Generator& random) override;
  Batch make_batch(int64_t batch_index, ExampleReader& reader) const override;
  /// The codes that condition the DiT, [B, all token rows, columns], augmented.
  Tensor conditioning(const Batch& batch,
                      const BatchShare& share,
                      const text::Grid& grid,
                      at::Generator& random);
  /// Expands codes [B, h·w] to one id per latent patch, [B, patches].
  Tensor patch_ids(const Tensor& codes, int64_t grid_height, int64_t grid_width) const;
  /// Encodes pictures [B, 3, H, W] to normalised latents, [B, C, H/f, W/f] float32.
  Tensor latents_of(const Tensor& pictures) const;
  /// Samples pictures from codes [B, grid tokens] and texts with classifier-free guidance.
  std::vector<Image> sample(const Tensor& codes,
                            const text::Grid& grid,
                            const std::vector<std::vector<std::string>>& texts) const;
  int64_t patch_side() const;  ///< of a latent patch, in pixels

  TransformerKeys keys_;
  diffusion::FlowMatchConfig flow_;
  models::T5Config glyph_encoder_;
  std::optional<text::ByteTokenizer> byte_tokenizer_;
  models::AutoencoderKL vae_{nullptr};
  models::GlmImageTransformer2DModel transformer_{nullptr};
  models::T5EncoderModel text_encoder_{nullptr};
  std::optional<FlowMatching> objective_;
};

}  // namespace glm_image::train
