#include "nano/training/prompt_examples.h"

#include "nano/training/letter_counts.h"
#include "nano/training/scene_questions.h"
#include "train/seeds.h"

namespace glm_image::nano {
train::Batch PromptExamples::make(int64_t batch_index,
                                  int64_t count,
                                  const text::BpeTokenizer& tokenizer,
                                  const text::Grid& target,
                                  posters::Renderer& renderer) const {
  const auto preview = text::preview_grid(target);
  std::vector<Tensor> ids, letters, answers;
  std::vector<int64_t> ends;
  for (int64_t i = 0; i < count; ++i) {
    const auto index = train::mix_seed(
        seed_, train::kPosterPromptPurpose, static_cast<uint64_t>(batch_index * count + i));
    const auto [scene, caption] = data_.source().poster(index, posters::Split::kTraining);
    const auto prompt = prompt_(caption.text, target);
    ids.push_back(torch::tensor(prompt));
    letters.push_back(
        torch::tensor(letters_read(tokenizer, prompt, caption.text, texts_of(scene))));
    ends.push_back(ids.back().size(0) - 1);
    const auto layout =
        renderer.layout(scene, preview.width * text::kTokenSide, preview.height * text::kTokenSide);
    answers.push_back(scene_answers(data_.source(), scene, layout, preview));
  }
  // Prompts are padded on the right. Causal attention keeps padding from affecting earlier tokens.
  return {{"prompt_ids", at::pad_sequence(ids, /*batch_first=*/true)},
          {"prompt_letters", at::pad_sequence(letters, /*batch_first=*/true, kNoAnswer)},
          {"prompt_ends", torch::tensor(ends)},
          {"prompt_answers", at::stack(answers)}};
}

}  // namespace glm_image::nano
