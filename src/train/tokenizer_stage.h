#pragma once

#include "models/vision/vision_model.h"
#include "models/vision/vq_model.h"
#include "pipeline/image_settings.h"
#include "train/poster_stage.h"

namespace glm_image::train {

/// Reads codes back, in training alone: of each code, seen without its neighbours, the essence of
/// its 32×32 pixels (as below) at a quarter of the size, and what stands there (ground, a
/// pictogram, a text).
struct CodeReaderImpl : torch::nn::Module {
  CodeReaderImpl(const models::VisionConfig& config,
                 int64_t kinds,
                 const at::TensorOptions& options);

  struct Reading {
    Tensor pixels;  ///< [B, tokens, 3·8·8], −1 … 1
    Tensor kinds;   ///< logits, [B, tokens, kinds]
  };
  Reading forward(const Tensor& features) const;

 private:
  nn::LayerNorm norm{nullptr};
  nn::Linear to_hidden{nullptr}, to_pixels{nullptr}, to_kinds{nullptr};
};
TORCH_MODULE(CodeReader);

/// The stage "tokenizer": the vision encoder and its codebook, so that a code tells what 32×32
/// pixels show.
///
/// loss = mean |essence − read pixels| + kind·cross-entropy of what stands there
///        + commitment·mean (1 − z·code).
/// Gradients pass the codebook unchanged (van den Oord et al. 2017). Codes follow the running mean
/// of the vectors that choose them; one that is hardly chosen is moved to a vector of the last
/// batch. In the first steps (`quantised_from`) the reader reads the vectors themselves: an encoder
/// that knows nothing yet learns hardly anything through codes that stand for nothing yet.
///
/// The essence of a token is what a generator can know of it from a prompt: the ground without what
/// stands on it, or a pictogram's part on no ground, or a text's letters as bars on no ground. Were
/// codes to tell the true pixels, each letter on each ground would have its own, and a generator
/// would have to guess which; the letters' shapes the DiT knows from the glyph encoder.
///
/// All means are weighted by what a token shows. Codes share themselves out as their vectors do:
/// two thirds of a poster's tokens are ground, and would take two thirds of the codes from
/// pictograms.
///
/// A local tokenizer sees of every token its own pixels alone: its position embedding and what its
/// attention adds are held at zero. Then a flat ground has one code wherever it is, which the
/// generator need not guess.
class TokenizerStage : public PosterStage {
 public:
  TokenizerStage(const TrainingConfig& config, const at::Device& device);

  std::vector<TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  Outcome forward(const Batch& batch, int64_t step) override;
  void after_step(int64_t step) override;
  NamedTensors state() override;
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& folder) override;

 private:
  Batch make_batch(int64_t step, PosterFeed& feed) const override;
  struct Encoded {
    Tensor vectors;  ///< [B·tokens, embed_dim] float32, with gradients
    Tensor ids;      ///< [B·tokens]
    CodeReaderImpl::Reading reading;
  };
  /// [tokens, 3·8·8]
  static Tensor essence(posters::Renderer& renderer,
                        const PosterExample& example,
                        const Tensor& kinds);
  Encoded encode(const Tensor& patches,
                 int64_t grid_height,
                 int64_t grid_width,
                 bool quantised = true) const;
  /// Parameters of the vision encoder that a local tokenizer does not use.
  std::vector<std::string> held_at_zero() const;

  double kind_weight_, commitment_weight_, codebook_decay_;
  double pictogram_weight_, text_weight_, ground_weight_;  ///< of tokens
  bool is_local_;
  int64_t quantised_from_;  ///< step
  pipeline::ImageSettings image_settings_;
  models::VisionConfig vision_config_;
  models::VqConfig vq_config_;
  int64_t kinds_;
  models::GlmImageVisionModel visual_{nullptr};
  models::GlmImageVQModel vqmodel_{nullptr};
  CodeReader reader_{nullptr};
  Tensor code_sums_, code_counts_;  ///< running, [codes, embed_dim] and [codes]
  Tensor last_vectors_, last_ids_, last_weights_;
};

}  // namespace glm_image::train
