#pragma once

#include <memory>
#include <optional>

#include "diffusion/flow_match.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "models/transformer/transformer_model.h"
#include "train/code_noise.h"
#include "train/glyph_batch.h"
#include "train/letter_reader.h"
#include "train/picture_codes.h"
#include "train/position_reader.h"
#include "train/poster_stage.h"
#include "train/scene_codes.h"

namespace glm_image::train {

/// The stage "decoder": the DiT and the glyph encoder, from the frozen VAE's latents (float32
/// whatever the working type) and the frozen tokenizer's codes.
///
/// Flow matching (Lipman et al. 2023; Liu et al. 2023): t is drawn evenly from 1 … 1000
/// (stratified_uniform.h), σ = t/1000 shifted for the resolution, z = (1 − σ)·x + σ·ε, and the DiT,
/// told t − 1, learns ε − x. For guidance a share of the examples sees no prior and the empty text.
/// A small share of the prior's codes is drawn at random: at inference the generator makes mistakes
/// too. Codes are those that the tokenizer's encoder finds in posters, or for a share of these
/// those that its teacher gives them (`scene_codes`), as a generator does that learnt from it; of
/// these again a share belongs to a line that ends too early or too late, while the texts tell
/// where it does (`miscounted_lines`).
///
/// A share of the steps sees only a band of every picture, cut from its latents around an item, and
/// is told so (Podell et al. 2024, SDXL, section 2.2): letters are the hard part, and most of a
/// poster is ground. A LetterReader learns beside the DiT, and so does a PositionReader, which asks
/// the image tokens of an early block where they stand: a code covers several of them, and which
/// part of it each must draw only its position tells.
class DecoderStage : public PosterStage {
 public:
  DecoderStage(const TrainingConfig& config, const at::Device& device);

  std::vector<TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  Outcome forward(const Batch& batch, int64_t step) override;
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& folder) override;

 private:
  Batch make_batch(int64_t step, PosterFeed& feed) const override;
  /// Codes [B, h·w] → one id per latent patch, [B, patches].
  Tensor patch_ids(const Tensor& codes, int64_t grid_height, int64_t grid_width) const;
  /// Normalised latents [B, C, H/f, W/f] float32.
  Tensor latents_of(const Tensor& pictures) const;
  GlyphBatch glyphs_of(const std::vector<std::vector<std::string>>& texts) const;
  /// Pictures drawn from codes and texts with guidance.
  std::vector<Image> draw(const Tensor& codes,
                          const text::Grid& grid,
                          const std::vector<std::vector<std::string>>& texts) const;
  /// Of pictures of height×width pixels, uncut.
  models::TransformerInput common_input(const Tensor& latents,
                                        const Tensor& prior_ids,
                                        int64_t height,
                                        int64_t width) const;
  int64_t patch_side() const;  ///< in pixels

  double drop_share_, letter_weight_, position_weight_, band_share_, noise_power_;
  double scene_codes_share_, miscounted_lines_, guidance_, band_texts_;
  ItemWeights item_weights_;
  CodeNoise code_noise_;
  int64_t noises_per_picture_, noises_per_band_, band_height_, sample_steps_;
  diffusion::FlowMatchConfig flow_;
  models::T5Config glyph_encoder_;
  std::optional<text::ByteTokenizer> byte_tokenizer_;
  std::optional<PictureCodes> codes_;
  std::optional<SceneCodes> scene_codes_;
  int64_t embed_posters_;
  models::AutoencoderKL vae_{nullptr};
  models::GlmImageTransformer2DModel transformer_{nullptr};
  models::T5EncoderModel text_encoder_{nullptr};
  LetterReader letter_reader_{nullptr};
  PositionReader position_reader_{nullptr};
};

}  // namespace glm_image::train
