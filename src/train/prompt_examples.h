#pragma once

#include <optional>

#include "text/bpe_tokenizer.h"
#include "text/prompt_recipe.h"
#include "train/poster_feed.h"
#include "train/stage.h"

namespace glm_image::train {

/// Prompts for posters as the generator reads them, with what it is asked about them.
class PromptExamples {
 public:
  struct Prompt {
    std::vector<int64_t> ids;
    std::vector<int64_t> letters;  ///< as from letters_read
  };

  /// `source` must outlive this. Throws Error where the config's vocabulary cannot be read.
  PromptExamples(const TrainingConfig& config, const posters::PosterSource& source);

  /// text::text_to_image_prompt of a scene's caption.
  Prompt prompt_of(const posters::Scene& scene,
                   const std::string& caption,
                   const text::Grid& target) const;

  /// `count` prompts that no picture follows: "prompt_ids" and "prompt_letters" [count, longest]
  /// padded, "prompt_ends" [count] where each ends, "prompt_answers" [count, questions] as from
  /// scene_answers for the preview. No two steps have the same ones.
  Batch alone(int64_t step,
              int64_t count,
              const text::Grid& target,
              posters::Renderer& renderer) const;

 private:
  const posters::PosterSource& source_;
  uint64_t seed_;
  std::optional<text::BpeTokenizer> tokenizer_;
  text::PromptTokens prompt_tokens_;
};

}  // namespace glm_image::train
