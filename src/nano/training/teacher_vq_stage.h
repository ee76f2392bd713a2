#pragma once

#include "nano/training/code_teacher.h"
#include "nano/training/poster_training_data.h"
#include "train/stages/data_stage.h"
#include "train/stages/vq_encoder.h"

namespace glm_image::nano {

/// The stage "vq" for posters: trains the vision encoder and its codebook, so that each code
/// identifies what a token of 32×32 pixels shows.
///
/// Phase 1, before the step `codes_until`: a teacher (code_teacher.h) maps the content of each
/// token to a vector, and the codebook quantises the vectors. The contents are taken from the
/// scene.
///
///   loss = mean |pixels − predicted pixels| + class_weight·CE(class) + cell_weight·CE(cell)
///
/// The predictions are made from the code alone (CodeReader). Gradients pass the codebook unchanged
/// (van den Oord et al. 2017). Codes follow the moving average of the vectors that choose them;
/// rarely used ones restart at other vectors (MovingCodebook). Before the step `quantised_from` the
/// predictions use the vectors themselves, since neither the teacher nor the codes carry
/// information yet.
///
/// Phase 2: the codes and the teacher are frozen, and the vision encoder learns to classify each
/// token as the teacher's code. Both phases at once would give the encoder a moving target.
///
/// The target pixels contain only what a prompt determines. Background tokens show the background
/// without items. Other tokens show their item on a constant background, with letters drawn as
/// bars. If codes described the true pixels, each letter on each background would have its own
/// code, and the generator would have to guess it. The DiT knows the shapes of letters from the
/// glyph encoder.
///
/// Each mean is weighted by the token's class. The codebook allocates codes in proportion to these
/// weights, and two thirds of a poster's tokens are background.
class TeacherVqStage : public train::DataStage {
 public:
  TeacherVqStage(const train::TrainingConfig& config, const at::Device& device);

  std::vector<train::TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  train::Outcome forward(const train::Batch& batch, int64_t batch_index) override;
  bool divides_rows() const override { return true; }
  void after_step(int64_t step) override;
  train::NamedTensors state() override;
  Image sample_sheet() override;
  void write_components(const std::filesystem::path& folder) override;

 private:
  TeacherVqStage(const train::TrainingConfig& config,
                 const at::Device& device,
                 const std::shared_ptr<const PosterTrainingData>& data);
  train::Batch make_batch(int64_t batch_index, train::ExampleReader& reader) const override;
  /// The target pixels, [tokens, 3·8·8].
  static Tensor target_pixels(const DrawnPoster& poster, const Tensor& kinds);
  /// The loss of a batch in phase 1. `weights` [tokens].
  train::Outcome make_codes(const TokenContent& content,
                            const Tensor& weights,
                            const train::BatchShare& share,
                            int64_t step);
  /// The loss of a batch in phase 2.
  train::Outcome find_codes(const train::Batch& batch,
                            const TokenContent& content,
                            const Tensor& weights,
                            const train::BatchShare& share) const;
  Tensor are_pictograms(const Tensor& kinds) const;
  Tensor are_texts(const Tensor& kinds) const;

  TeacherVqKeys keys_;
  const posters::PosterSource& source_;
  train::VqEncoder encoder_;
  CodeTeacher teacher_{nullptr};
  CodeTeacher settled_{nullptr};  ///< the teacher's weights at `codes_until`
  CodeReader reader_{nullptr};
  train::VqTokens last_tokens_;  ///< the input of the next codebook update, of all ranks' rows
  train::QuantisedTokens last_quantised_;
};

}  // namespace glm_image::nano
