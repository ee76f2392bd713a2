#pragma once

#include <optional>

#include "models/generator/generation_model.h"
#include "models/generator/token_sampler.h"
#include "text/rotary_positions.h"
#include "train/letter_counts.h"
#include "train/picture_codes.h"
#include "train/position_reader.h"
#include "train/poster_stage.h"
#include "train/prompt_examples.h"
#include "train/scene_codes.h"
#include "train/scene_reader.h"

namespace glm_image::train {

/// The stage "generator": the autoregressive model, from the frozen tokenizer's codes: those that
/// its encoder finds in posters, or those that its teacher gives them (`scene_codes`).
///
/// A sequence is the prompt (text::text_to_image_prompt of a poster's caption), the codes of the
/// poster at the preview's size, those at the target's, and the end marker. The loss is the mean
/// cross-entropy of all that follows the prompt, where each grid's first code counts `first_weight`
/// times: it alone must read the ground from the prompt; those behind it see it there.
///
/// Such a loss sees grounds for the most part, and repeating one's neighbours keeps it low. What
/// drawing depends on, what the prompt asks for at the few tokens where an item begins, is
/// therefore asked for in six more ways:
/// - Beside each code the kind of what it will show (token_kinds.h), read where the token is
///   predicted. There tokens that show something else than their neighbour on the left count
///   `change_weight` times.
/// - A code counts 1 + `decision_weight` · the chance that the likeliest of these kinds is wrong:
///   where an item may begin or end. What stands there has no part in it, so that the model does
///   not draw more items than it is asked for.
/// - Of `hidden_share` of the sequences half to all codes are hidden from the model, a placeholder
///   in their stead (hidden_codes.h), so that from the prompt alone it must find what stands where.
/// - The whole scene where the prompt ends (scene_reader.h), of these prompts and of
///   `more_prompts` a step that no picture follows: they are a fifth as long. It is asked in the
///   middle of the layers (after the first `scene_layers`), since a token's later layers can look
///   up only what earlier layers have left at the prompt.
/// - In these prompts and those, how many letters of a text have been read (letter_counts.h), after
///   the first `position_layers`.
/// - Every token in which row and column it stands (position_reader.h), after the first
///   `position_layers`, so that the others can ask the prompt about this place.
class GeneratorStage : public PosterStage {
 public:
  GeneratorStage(const TrainingConfig& config, const at::Device& device);

  std::vector<TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  Outcome forward(const Batch& batch, int64_t step) override;
  /// Posters of the sizes of sample_rows, each above its codes and those drawn for its caption,
  /// both shown by the mean picture of every code.
  Image sample_sheet() override;
  /// The whole component vision_language_encoder.
  void write_components(const std::filesystem::path& folder) override;

 private:
  Batch make_batch(int64_t step, PosterFeed& feed) const override;
  /// The part of a sequence that does not depend on codes.
  struct Sequence {
    PromptExamples::Prompt prompt;
    text::RotaryPositions prompt_positions, drawn_positions;
  };
  /// How many sequences of a batch hide codes.
  int64_t hiding_sequences() const;
  struct ReadPrompts {
    Tensor placed;  ///< [N, longest, hidden] after the first `position_layers`
    Tensor ends;    ///< what the scene reader reads, after the first `scene_layers`
  };
  ReadPrompts read_prompts_alone(const Batch& batch) const;
  /// [B, tokens, …] patches of the posters at the size of `grid`.
  Tensor patches_of(const std::vector<Image>& images) const;
  /// [B, preview's and target's tokens]
  Tensor codes_of(const Batch& batch) const;
  /// What 32×32 pixels look like on average where a code stands, [codes, 3·8·8].
  Tensor code_pictures(PosterFeed& feed) const;
  std::vector<int64_t> draw(const PosterExample& example, uint64_t seed, const text::Grid& target);

  models::VisionLanguageConfig vision_language_;
  models::SamplingOptions sampling_;
  std::optional<PromptExamples> prompts_;
  std::optional<PictureCodes> codes_;
  std::optional<SceneCodes> scene_codes_;
  models::GlmImageForConditionalGeneration model_{nullptr};
  nn::Linear to_kinds_{nullptr};  ///< this and the readers in training alone
  SceneReader scene_reader_{nullptr};
  PositionReader position_reader_{nullptr};
  LetterCounter letter_counter_{nullptr};
  double kind_weight_, change_weight_, scene_weight_, first_weight_, hidden_share_;
  double position_weight_, decision_weight_, turn_weight_, counting_weight_;
  int64_t scene_layers_, position_layers_, more_prompts_;
};

}  // namespace glm_image::train
