#pragma once

#include <optional>

#include "nano/training/letter_reader.h"
#include "nano/training/position_reader.h"
#include "nano/training/poster_training_data.h"
#include "nano/training/scene_codes.h"
#include "train/stages/auxiliary.h"

namespace glm_image::nano {

/// The transformer blocks whose outputs the auxiliary heads read, as indices from 0.
struct HeadBlocks {
  int64_t positions;  ///< for PositionReader
  int64_t pointing;   ///< for LetterReader::Input::early
  int64_t spelling;   ///< for LetterReader::Input::late
};

/// Returns the blocks at a quarter, a third and two thirds of a transformer's depth. The order is
/// that in which the blocks need the answers: an image token finds its letter through its position,
/// and paints it in the blocks after the last head.
HeadBlocks head_blocks(int64_t blocks);

/// What posters add to the stage "transformer".
///
/// Codes come from the tokenizer's encoder. A fraction `teacher_codes_share` of the examples uses
/// the teacher's codes instead, as a generator does that was trained on them. In a fraction
/// `miscounted_lines` of those, one line is one token too long or too short, which the texts
/// contradict. `swapped_codes`: see swapped_codes.h.
///
/// Crops contain an item: most of a poster is background, and crops contain more letters.
///
/// Two auxiliary heads are trained with the DiT, on the blocks that head_blocks names: LetterReader
/// and PositionReader. A code covers several image tokens; their positions determine which part of
/// it each must paint.
class PosterTransformer : public train::TransformerAuxiliary {
 public:
  PosterTransformer(const train::TrainingConfig& config,
                    std::shared_ptr<const PosterTrainingData> data,
                    const PosterTransformerKeys& keys,
                    const std::filesystem::path& vq_components,
                    const at::Device& device,
                    const train::TransformerParts& parts);

  std::vector<train::TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight) override;
  void prepare(int64_t batch_index,
               const std::vector<train::TrainingExamplePtr>& examples,
               const Tensor& drop,
               train::Batch& batch) override;
  int64_t crop_top(train::TrainingExample& example, int64_t rows, at::Generator& random) override;
  Tensor augment(const train::Batch& batch, Tensor codes, at::Generator& random) override;
  bool needs_blocks() const override { return reads_letters() || predicts_positions(); }
  train::AuxiliaryLosses losses(const train::TransformerStep& step) override;

 private:
  bool reads_letters() const { return keys_.letter_weight > 0; }
  bool predicts_positions() const { return keys_.position_weight > 0; }
  void add_letter_losses(const train::TransformerStep& step, train::AuxiliaryLosses& losses);

  std::shared_ptr<const PosterTrainingData> data_;
  PosterTransformerKeys keys_;
  uint64_t seed_;
  const text::ByteTokenizer& byte_tokenizer_;
  const train::PictureCodes& codes_;
  int64_t patch_side_;
  std::function<Tensor(const Tensor&)> latents_;
  at::Device device_;
  std::optional<SceneCodes> scene_codes_;
  LetterReader letter_reader_{nullptr};      ///< null without letter_weight
  PositionReader position_reader_{nullptr};  ///< null without position_weight
};

/// Returns the first token row of a crop of `rows` token rows. A crop spans the full width of its
/// picture. It is centred on a random item of the poster; with probability `texts_share`, on a
/// random text. The result is clamped so that the crop lies inside the picture.
int64_t crop_around_item(const PosterExample& example,
                         int64_t rows,
                         double texts_share,
                         at::Generator& random);

}  // namespace glm_image::nano
