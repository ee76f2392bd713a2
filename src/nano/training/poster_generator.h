#pragma once

#include <optional>

#include "nano/training/letter_counts.h"
#include "nano/training/position_reader.h"
#include "nano/training/poster_training_data.h"
#include "nano/training/prompt_examples.h"
#include "nano/training/scene_codes.h"
#include "nano/training/scene_reader.h"
#include "train/stages/auxiliary.h"

namespace glm_image::nano {

/// What posters add to the stage "generator".
///
/// Background tokens dominate the loss on codes, and copying the neighbouring token keeps it low.
/// The tokens where an item begins are few, but they decide whether the picture matches the prompt.
/// Auxiliary losses and weights therefore emphasise them:
/// - The first code of each grid has the weight `first_weight`: only this code must take the
///   background from the prompt, and later ones can copy it.
/// - The class of the token (token_kinds.h) is predicted at the same position as its code. Tokens
///   whose class differs from their left neighbour's have the weight `change_weight`.
/// - A code has the weight 1 + `decision_weight`·(1 − p), where p is the probability of the
///   likeliest class. Items may begin or end where the class is uncertain. The weight depends on
///   the prediction and not on the target, so it does not bias the model towards drawing more
///   items.
/// - `turn_weight` is added to the weight of a background code that differs from the previous code,
///   as at the steps of a gradient.
/// - The scene is predicted from the last tokens of the prompt (scene_reader.h), after
///   `scene_layers` layers. The later layers of a visual token can only attend to what earlier
///   layers have stored in the prompt. `more_prompts` additional prompts per batch have no picture;
///   they are a fifth as long.
/// - The number of letters read so far is predicted from the tokens of all these prompts
///   (letter_counts.h), after `position_layers` layers.
/// - The row and column of each visual token are predicted (position_reader.h), after
///   `position_layers` layers. Later layers can then look up the prompt's content for this
///   position.
class PosterGenerator : public train::GeneratorAuxiliary {
 public:
  PosterGenerator(const train::TrainingConfig& config,
                  std::shared_ptr<const PosterTrainingData> data,
                  const PosterGeneratorKeys& keys,
                  const std::filesystem::path& vq_components,
                  const std::filesystem::path& vocabulary,
                  const at::Device& device,
                  const train::GeneratorParts& parts);

  std::vector<train::TrainedModule> modules() override;
  void prepare(int64_t batch_index,
               const train::GeneratorExamples& examples,
               train::Batch& batch) override;
  bool gives_codes() const override { return keys_.teacher_codes; }
  std::vector<int64_t> taps() const override;
  train::GeneratorLosses losses(const train::GeneratorStep& step) override;

 private:
  bool predicts_classes() const { return keys_.class_weight > 0; }
  bool predicts_scenes() const { return keys_.scene_weight > 0; }
  bool predicts_positions() const { return keys_.position_weight > 0; }
  bool counts_letters() const { return keys_.counting_weight > 0; }

  /// Additional prompts, read through the layers that the heads need.
  struct ReadPrompts {
    Tensor placed;  ///< [N, longest, hidden] after `position_layers` layers
    Tensor ends;    ///< [N, kPlaceCount, hidden] after `scene_layers` layers, see prompt_ends
  };
  ReadPrompts read_prompts(const train::GeneratorStep& step) const;
  /// Returns the uncertainty of each class, [B, tokens] float32.
  Tensor add_class_losses(const train::GeneratorStep& step, train::GeneratorLosses& losses);
  void add_position_losses(const train::GeneratorStep& step, train::GeneratorLosses& losses);
  void add_prompt_losses(const train::GeneratorStep& step, train::GeneratorLosses& losses);
  /// `uncertainty` may be undefined.
  Tensor code_weights(const train::GeneratorStep& step, const Tensor& uncertainty) const;

  std::shared_ptr<const PosterTrainingData> data_;
  PosterGeneratorKeys keys_;
  at::Device device_;
  PromptExamples prompts_;
  std::optional<text::BpeTokenizer> tokenizer_;
  std::optional<SceneCodes> scene_codes_;
  /// Null if their weight is 0.
  ClassifierHead to_kinds_{nullptr};
  SceneReader scene_reader_{nullptr};
  PositionReader position_reader_{nullptr};
  LetterCounter letter_counter_{nullptr};
};

}  // namespace glm_image::nano
