#include "nano/training/letter_counts.h"

#include <algorithm>

#include "core/error.h"
#include "text/glyph_texts.h"
#include "text/unicode.h"

namespace glm_image::nano {

std::vector<int64_t> letters_read(const text::BpeTokenizer& tokenizer,
                                  const std::vector<int64_t>& prompt,
                                  const std::string& caption,
                                  const std::vector<std::string>& texts) {
  // Letters read up to and including each byte of the caption.
  std::vector<int64_t> at_bytes(caption.size(), kNoAnswer);
  // The first occurrence may be elsewhere: "roi" also occurs in "à droite".
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
    // token_of returns one character per byte.
    end += text::code_points(tokenizer.token_of(prompt[i])).size();
    if (end <= caption.size()) at_tokens[i] = at_bytes[end - 1];
  }
  return at_tokens;
}

LetterCounterImpl::LetterCounterImpl(int64_t hidden_size, const at::TensorOptions& options)
    : to_count(register_module(
          "to_count",
          ClassifierHead(hidden_size, std::vector<int64_t>{kMostLetters + 1}, options))) {}

Classified LetterCounterImpl::forward(const Tensor& hidden, const Tensor& wanted) const {
  return classify(to_count->normed_logits(hidden).front(), wanted);
}

}  // namespace glm_image::nano
