#include "text/glyph_sequences.h"

namespace glm_image::text {

std::vector<std::vector<int64_t>> glyph_sequences(const ByteTokenizer& tokenizer,
                                                  const std::vector<std::string>& texts) {
  std::vector<std::vector<int64_t>> sequences;
  sequences.reserve(texts.size());
  for (const auto& text : texts) sequences.push_back(tokenizer.encode(text));
  if (sequences.empty()) sequences.push_back(tokenizer.encode(""));
  if (sequences.size() % 2 == 0) {
    for (auto& sequence : sequences) sequence.insert(sequence.begin(), tokenizer.pad_id());
  }
  return sequences;
}

}  // namespace glm_image::text
