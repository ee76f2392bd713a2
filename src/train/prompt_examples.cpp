#include "train/prompt_examples.h"

#include "models/generator/generation_model.h"
#include "train/letter_counts.h"
#include "train/scene_questions.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

constexpr uint64_t kPromptPurpose = 500;

}  // namespace

PromptExamples::PromptExamples(const TrainingConfig& config, const posters::PosterSource& source)
    : source_(source), seed_(config.seed) {
  tokenizer_ =
      text::BpeTokenizer::load(config.folder("vocabulary") / "processor" / "tokenizer.json");
  const auto model = models::VisionLanguageConfig::from_json(
      io::JsonFields::load(config.model / "vision_language_encoder" / "config.json"));
  prompt_tokens_ = text::load_prompt_tokens(
      config.model / "processor" / "tokenizer_config.json",
      {model.image_token_id, model.image_start_token_id, model.image_end_token_id},
      *tokenizer_);
}

PromptExamples::Prompt PromptExamples::prompt_of(const posters::Scene& scene,
                                                 const std::string& caption,
                                                 const text::Grid& target) const {
  auto ids = text::text_to_image_prompt(
      caption, target, text::preview_grid(target), prompt_tokens_, *tokenizer_);
  auto letters = letters_read(*tokenizer_, ids, caption, texts_of(scene));
  return {std::move(ids), std::move(letters)};
}

Batch PromptExamples::alone(int64_t step,
                            int64_t count,
                            const text::Grid& target,
                            posters::Renderer& renderer) const {
  const auto preview = text::preview_grid(target);
  std::vector<Tensor> ids, letters, answers;
  std::vector<int64_t> ends;
  for (int64_t i = 0; i < count; ++i) {
    const auto index = mix_seed(seed_, kPromptPurpose, static_cast<uint64_t>(step * count + i));
    const auto [scene, caption] = source_.poster(index, posters::Split::kTraining);
    const auto prompt = prompt_of(scene, caption.text, target);
    ids.push_back(torch::tensor(prompt.ids));
    letters.push_back(torch::tensor(prompt.letters));
    ends.push_back(ids.back().size(0) - 1);
    const auto layout = renderer.layout(
        scene, preview.width * text::kPixelsPerToken, preview.height * text::kPixelsPerToken);
    answers.push_back(scene_answers(source_, scene, layout, preview));
  }
  // What follows a prompt's end is padding: nothing before it sees it.
  return {{"prompt_ids", at::pad_sequence(ids, /*batch_first=*/true)},
          {"prompt_letters", at::pad_sequence(letters, /*batch_first=*/true, kNoAnswer)},
          {"prompt_ends", torch::tensor(ends)},
          {"prompt_answers", at::stack(answers)}};
}

}  // namespace glm_image::train
