#pragma once

#include <optional>

#include "models/generator/generation_model.h"
#include "models/generator/token_sampler.h"
#include "text/prompt_recipe.h"
#include "train/picture_codes.h"
#include "train/poster_stage.h"

namespace glm_image::train {

/// The stage "generator": the autoregressive model, from the frozen tokenizer's codes.
///
/// A sequence is the prompt (text::text_to_image_prompt of a poster's caption), the codes of the
/// poster at the preview's size, those at the target's, and the end marker. The loss is the mean
/// cross-entropy of all that follows the prompt, where each grid's first code counts `first_weight`
/// times (it alone must read the ground from the prompt; those behind it see it there), and beside
/// it that of what every token will show (token_kinds.h), read where the token is predicted. Which
/// code an item gets depends on much that no prompt says; that something stands here, and which
/// pictogram, is said, and is learnt sooner when it is asked for by itself. So is the whole scene
/// (scene_questions.h), where the prompt ends: to have read the prompt is worth little to a loss
/// that sees grounds for the most part. It is asked in the middle of the layers (after the first
/// `scene_layers`), since a token's later layers can look up only what earlier layers have left at
/// the prompt. That question is put to further prompts that no picture follows (`more_prompts` a
/// step): they are a fifth as long as a whole sequence.
class GeneratorStage : public PosterStage {
 public:
  GeneratorStage(const TrainingConfig& config, const at::Device& device);

  std::vector<TrainedModule> modules() override;
  void initialise(const std::string& name, Tensor& weight, at::Generator& random) override;
  Outcome forward(const Batch& batch, int64_t step) override;
  /// Three rows of posters, each above its codes and those drawn for its caption, both shown by the
  /// mean picture of every code.
  Image sample_sheet() override;
  /// The whole component vision_language_encoder.
  void write_components(const std::filesystem::path& folder) override;

 private:
  Batch make_batch(int64_t step, PosterFeed& feed) const override;
  std::vector<int64_t> prompt_ids(const posters::Scene& scene,
                                  uint64_t index,
                                  const text::Grid& target) const;
  /// The prompts of which only the scene is asked: "prompt_ids" [N, longest] padded, "prompt_ends"
  /// [N] where each ends, "prompt_answers" [N, questions].
  Batch prompts_alone(int64_t step, const text::Grid& target, PosterFeed& feed) const;
  /// [N, hidden] where each of these prompts ends, after the first `scene_layers`.
  Tensor read_prompts_alone(const Batch& batch) const;
  struct SceneAnswered {
    Tensor loss;                      ///< the sum over all questions
    Tensor kinds_right, edges_right;  ///< share of right answers about what stands where
  };
  /// `prompt_end` is [N, hidden].
  SceneAnswered ask_for_scene(const Tensor& prompt_end, const Tensor& answers);
  /// [B, tokens, …] patches of the posters at the size of `grid`.
  Tensor patches_of(const std::vector<Image>& images) const;
  /// What 32×32 pixels look like on average where a code stands, [codes, 3·8·8].
  Tensor code_pictures(PosterFeed& feed) const;
  std::vector<int64_t> draw(const posters::Scene& scene, uint64_t index, const text::Grid& target);

  models::VisionLanguageConfig vision_language_;
  models::SamplingOptions sampling_;
  std::optional<text::BpeTokenizer> tokenizer_;
  text::PromptTokens prompt_tokens_;
  std::optional<PictureCodes> codes_;
  models::GlmImageForConditionalGeneration model_{nullptr};
  nn::Linear to_kinds_{nullptr}, to_scene_{nullptr};  ///< in training alone
  std::vector<int64_t> answers_;                      ///< how many each question about a scene has
  double kind_weight_, scene_weight_, first_weight_;
  int64_t scene_layers_, more_prompts_;
};

}  // namespace glm_image::train
