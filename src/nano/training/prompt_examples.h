#pragma once

#include "nano/training/poster_training_data.h"
#include "train/stages/auxiliary.h"

namespace glm_image::nano {

/// Prompts without pictures, for the heads that read prompts.
class PromptExamples {
 public:
  /// `data` must outlive this object. `prompt`: see GeneratorParts.
  PromptExamples(const PosterTrainingData& data,
                 uint64_t seed,
                 decltype(train::GeneratorParts::prompt) prompt)
      : data_(data), seed_(seed), prompt_(std::move(prompt)) {}

  /// Returns `count` prompts, different in every batch:
  /// - "prompt_ids" and "prompt_letters" [count, longest], padded on the right; see letters_read;
  /// - "prompt_ends" [count], the index of each last token;
  /// - "prompt_answers" [count, questions], see scene_answers, at the preview's size.
  train::Batch make(int64_t batch_index,
                    int64_t count,
                    const text::BpeTokenizer& tokenizer,
                    const text::Grid& target,
                    posters::Renderer& renderer) const;

 private:
  const PosterTrainingData& data_;
  uint64_t seed_;
  decltype(train::GeneratorParts::prompt) prompt_;
};

}  // namespace glm_image::nano
