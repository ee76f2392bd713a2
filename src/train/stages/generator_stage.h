#pragma once

#include <optional>

#include "models/generator/generation_model.h"
#include "models/generator/token_sampler.h"
#include "text/bpe_tokenizer.h"
#include "text/prompt_template.h"
#include "text/rotary_positions.h"
#include "train/config/stage_keys.h"
#include "train/stages/codes_stage.h"

namespace glm_image::train {

/// The stage "generator": trains the autoregressive model on the codes of pictures
/// (objectives/token_prediction.h). The codes come from the frozen visual tokenizer, or from the
/// data.
///
/// A sequence consists of the prompt (text::text_to_image_prompt of the caption), the codes of the
/// preview, those of the target, and the end marker. The loss is the mean cross-entropy of
/// everything after the prompt. Codes may have weights (GeneratorAuxiliary::prepare); the end
/// marker has the weight 1.
///
/// In a fraction `input_dropout` of the sequences, 50 to 100% of the input codes are replaced by a
/// placeholder (input_dropout.h). The model must then derive the layout from the prompt.
class GeneratorStage : public CodesStage<GeneratorAuxiliary> {
 public:
  GeneratorStage(const TrainingConfig& config,
                 const at::Device& device,
                 std::shared_ptr<const TrainingData> data,
                 const GeneratorAuxiliaryMaker& make_auxiliary = {});

  Outcome forward(const Batch& batch, int64_t batch_index) override;
  /// The losses of an auxiliary are means over what it finds in a batch.
  bool divides_rows() const override { return auxiliary_ == nullptr; }
  /// Examples at the sizes of sample_rows. Four rows each: the pictures, their codes, the sampled
  /// previews and the sampled targets. Codes are shown as their mean pictures.
  Image sample_sheet() override;
  /// Writes the whole component vision_language_encoder.
  void write_components(const std::filesystem::path& folder) override;

 private:
  std::vector<TrainedModule> own_modules() override;
  void initialise_own(const std::string& name, Tensor& weight, at::Generator& random) override;
  Batch make_batch(int64_t batch_index, ExampleReader& reader) const override;
  /// The token ids of text::text_to_image_prompt.
  std::vector<int64_t> prompt_of(const std::string& caption, const text::Grid& target) const;
  /// Adds "ids", "positions" and "code_slots" for these prompts.
  void add_sequences(const std::vector<std::vector<int64_t>>& prompts,
                     const text::Grid& preview,
                     const text::Grid& target,
                     Batch& batch) const;
  /// Number of sequences of a batch whose codes are hidden.
  int64_t hiding_sequences(int64_t sequences) const;
  /// [B, preview's and target's tokens] int64.
  Tensor codes_of(const Batch& batch) const;
  /// Mean picture of each code, reduced to 8×8 pixels, [codes, 3·8·8].
  Tensor code_pictures(ExampleReader& reader) const;
  std::vector<int64_t> sample(const std::string& caption, uint64_t seed, const text::Grid& target);

  GeneratorKeys keys_;
  models::VisionLanguageConfig vision_language_;
  models::SamplingOptions sampling_;
  std::optional<text::BpeTokenizer> tokenizer_;
  text::PromptTokens prompt_tokens_;
  models::GlmImageForConditionalGeneration model_{nullptr};
  std::optional<TokenPrediction> objective_;
};

}  // namespace glm_image::train
