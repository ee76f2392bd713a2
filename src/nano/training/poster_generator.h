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
/// Loss weights and auxiliary losses therefore emphasise them:
/// - A token whose class differs from its left neighbour's has the weight `change_weight`, and so
///   has the first token of each grid (change_weights in token_kinds.h). Only the first token must
///   take the background from the prompt; later ones can copy it.
/// - The class of the token (token_kinds.h) is predicted at the same position as its code, with the
///   same weights.
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
  train::AuxiliaryLosses losses(const train::GeneratorStep& step) override;

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
  void add_class_losses(const train::GeneratorStep& step, train::AuxiliaryLosses& losses);
  void add_position_losses(const train::GeneratorStep& step, train::AuxiliaryLosses& losses);
  void add_prompt_losses(const train::GeneratorStep& step, train::AuxiliaryLosses& losses);

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
