#pragma once

#include <string>
#include <vector>

#include "nn/modules.h"
#include "text/bpe_tokenizer.h"

namespace glm_image::train {

/// For every token of a prompt that begins with `caption`, how many letters of its text have been
/// read at its end (kMostLetters at the most); kNoAnswer (scene_questions.h) for tokens that end in
/// none of the texts. `texts`: in the order in which the caption has them.
std::vector<int64_t> letters_read(const text::BpeTokenizer& tokenizer,
                                  const std::vector<int64_t>& prompt,
                                  const std::string& caption,
                                  const std::vector<std::string>& texts);
inline constexpr int64_t kMostLetters = 31;

/// Asks prompts for it; in training alone. How large a text is drawn and where its line begins and
/// ends follows from how many letters it has, and its tokens have one to ten each: which, nothing
/// says but their embeddings.
struct LetterCounterImpl : torch::nn::Module {
  LetterCounterImpl(int64_t hidden_size, const at::TensorOptions& options);

  struct Counted {
    Tensor loss;   ///< the mean over the tokens that are asked; 0 where there are none
    Tensor right;  ///< share; NaN where there are none
  };
  /// hidden [tokens, dim]; wanted [tokens] as from letters_read.
  Counted forward(const Tensor& hidden, const Tensor& wanted);

  nn::Linear to_count{nullptr};
};
TORCH_MODULE(LetterCounter);

}  // namespace glm_image::train
