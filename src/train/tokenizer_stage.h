#pragma once

#include "models/vision/vision_model.h"
#include "models/vision/vq_model.h"
#include "pipeline/image_settings.h"
#include "train/code_teacher.h"
#include "train/poster_stage.h"

namespace glm_image::train {

/// The stage "tokenizer": the vision encoder and its codebook, so that a code tells what a token of
/// 32×32 pixels shows.
///
/// A teacher that knows the scene makes the codes, an encoder of pictures learns to find them:
///   loss = mean |essence − read pixels| + kind·cross-entropy of what stands there
///          + part·cross-entropies of which part of it + finding·cross-entropy of the teacher's
///          code,
/// where pixels, kinds and parts are read from the teacher's code alone. Gradients pass the
/// codebook unchanged (van den Oord et al. 2017). Codes follow the running mean of the teacher's
/// vectors that choose them; one that is hardly chosen is moved to a vector of the last batch that
/// is far from its code. In the first steps (`quantised_from`) the reader reads the vectors
/// themselves: a teacher that knows nothing yet learns hardly anything through codes that stand for
/// nothing yet.
///
/// The codes are made first. From the step `codes_until` on they and the teacher stay as they are,
/// and the encoder learns to find them: before, it would chase what moves.
///
/// The essence of a token is what a generator can know of it from a prompt: the ground without what
/// stands on it, or a pictogram's part on no ground, or a text's letters as bars on no ground. Were
/// codes to tell the true pixels, each letter on each ground would have its own, and a generator
/// would have to guess which; the letters' shapes the DiT knows from the glyph encoder.
///
/// All means are weighted by what a token shows. Codes share themselves out as their vectors do:
/// two thirds of a poster's tokens are ground, and would take two thirds of the codes from
/// pictograms.
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
  /// [tokens, 3·8·8]
  static Tensor essence(posters::Renderer& renderer,
                        const PosterExample& example,
                        const Tensor& kinds);
  /// A step of making codes; `weights` [tokens], how much each token counts.
  Outcome make_codes(const TokenContent& content, const Tensor& weights, int64_t step);
  /// A step of learning to find them.
  Outcome find_codes(const Batch& batch, const TokenContent& content, const Tensor& weights) const;
  void move_codes(int64_t step);
  Tensor are_pictograms(const Tensor& kinds) const;
  Tensor are_texts(const Tensor& kinds) const;
  /// patches [B, tokens, dim] → the encoder's vectors, [B·tokens, embed_dim] float32.
  Tensor vectors_of(const Tensor& patches, int64_t grid_height, int64_t grid_width) const;

  double kind_weight_, part_weight_, finding_weight_, codebook_decay_;
  double pictogram_weight_, text_weight_, ground_weight_;  ///< of tokens
  int64_t quantised_from_, codes_until_;                   ///< steps
  pipeline::ImageSettings image_settings_;
  models::VisionConfig vision_config_;
  models::VqConfig vq_config_;
  models::GlmImageVisionModel visual_{nullptr};
  models::GlmImageVQModel vqmodel_{nullptr};
  CodeTeacher teacher_{nullptr};
  CodeTeacher settled_{nullptr};  ///< the teacher as it was at `codes_until`
  CodeReader reader_{nullptr};
  Tensor code_sums_, code_counts_;  ///< running, [codes, embed_dim] and [codes]
  Tensor last_vectors_, last_ids_, last_weights_, last_distances_;
};

}  // namespace glm_image::train
