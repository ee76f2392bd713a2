#pragma once

#include <string>
#include <vector>

#include "nano/training/classifier_head.h"
#include "text/bpe_tokenizer.h"

namespace glm_image::nano {

/// For each token of a prompt that begins with `caption`: the number of letters of its quoted text
/// up to and including the token, at most kMostLetters. Tokens that do not end inside a text have
/// kNoAnswer (classifier_head.h). `texts` are in the order of the caption. Throws kInternal if the
/// caption quotes other texts.
std::vector<int64_t> letters_read(const text::BpeTokenizer& tokenizer,
                                  const std::vector<int64_t>& prompt,
                                  const std::string& caption,
                                  const std::vector<std::string>& texts);
inline constexpr int64_t kMostLetters = 31;

/// Auxiliary head that predicts letters_read from the prompt's tokens; used only in training. The
/// number of letters determines a text's size and line ends. A token has one to ten letters, and
/// only its embedding can store their number.
struct LetterCounterImpl : torch::nn::Module {
  LetterCounterImpl(int64_t hidden_size, const at::TensorOptions& options);

  /// hidden [tokens, dim]; wanted [tokens] int64, see letters_read.
  Classified forward(const Tensor& hidden, const Tensor& wanted) const;

  ClassifierHead to_count{nullptr};
};
TORCH_MODULE(LetterCounter);

}  // namespace glm_image::nano
