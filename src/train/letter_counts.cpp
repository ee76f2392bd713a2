#include "train/letter_counts.h"

#include <algorithm>

#include "core/error.h"
#include "text/glyph_texts.h"
#include "text/unicode.h"
#include "train/scene_questions.h"

namespace glm_image::train {

std::vector<int64_t> letters_read(const text::BpeTokenizer& tokenizer,
                                  const std::vector<int64_t>& prompt,
                                  const std::string& caption,
                                  const std::vector<std::string>& texts) {
  // How many letters of its text have been read at every byte's end.
  std::vector<int64_t> at_bytes(caption.size(), kNoAnswer);
  // Not the first place where the letters stand: "roi" is in "à droite", too.
  const auto quotes = text::find_glyph_texts(caption, text::GlyphRules::kSmart);
  GLM_IMAGE_CHECK(quotes.size() == texts.size(), "a caption quotes other texts: ", caption);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto& text = texts[i];
    const auto begin = caption.find(text, quotes[i].begin);
    GLM_IMAGE_CHECK(begin != std::string::npos && begin < quotes[i].end, "a caption lacks ", text);
    int64_t letters = 0;
    for (const auto& point : text::code_points(text)) {
      ++letters;
      for (auto at = point.begin; at < point.end; ++at) {
        at_bytes[begin + at] = std::min(letters, kMostLetters);
      }
    }
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
  const auto asked = (wanted != kNoAnswer).sum();
  const auto loss =
      at::cross_entropy_loss(logits, wanted, /*weight=*/{}, at::Reduction::Sum, kNoAnswer) /
      asked.clamp_min(1);
  return {loss, (logits.detach().argmax(1) == wanted).sum().to(at::kFloat) / asked};
}

}  // namespace glm_image::train
