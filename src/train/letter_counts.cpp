#include "train/letter_counts.h"

#include <algorithm>

#include "core/error.h"
#include "text/unicode.h"
#include "train/scene_questions.h"

namespace glm_image::train {

std::vector<int64_t> letters_read(const text::BpeTokenizer& tokenizer,
                                  const std::vector<int64_t>& prompt,
                                  const std::string& caption,
                                  const std::vector<std::string>& texts) {
  // How many letters of its text have been read at every byte's end.
  std::vector<int64_t> at_bytes(caption.size(), kNoAnswer);
  std::size_t from = 0;
  for (const auto& text : texts) {
    const auto begin = caption.find(text, from);
    GLM_IMAGE_CHECK(begin != std::string::npos, "a caption lacks the text ", text);
    int64_t letters = 0;
    for (const auto& point : text::code_points(text)) {
      ++letters;
      for (auto at = point.begin; at < point.end; ++at) {
        at_bytes[begin + at] = std::min(letters, kMostLetters);
      }
    }
    from = begin + text.size();
  }
  std::vector<int64_t> at_tokens(prompt.size(), kNoAnswer);
  std::size_t end = 0;
  for (std::size_t i = 0; i < prompt.size() && end < caption.size(); ++i) {
    // A token is written with one character for each of its bytes.
    end += text::code_points(tokenizer.token_of(prompt[i])).size();
    if (end <= caption.size()) at_tokens[i] = at_bytes[end - 1];
  }
  return at_tokens;
}

LetterCounterImpl::LetterCounterImpl(int64_t hidden_size, const at::TensorOptions& options)
    : to_count(register_module("to_count", nn::Linear(hidden_size, kMostLetters + 1, options))) {}

LetterCounterImpl::Counted LetterCounterImpl::forward(const Tensor& hidden, const Tensor& wanted) {
  const auto logits = to_count->forward(at::layer_norm(hidden, {hidden.size(1)})).to(at::kFloat);
  const auto asked = (wanted != kNoAnswer).sum().clamp_min(1);
  const auto loss =
      at::cross_entropy_loss(logits, wanted, /*weight=*/{}, at::Reduction::Sum, kNoAnswer) / asked;
  return {loss, (logits.detach().argmax(1) == wanted).sum().to(at::kFloat) / asked};
}

}  // namespace glm_image::train
