#include "pipeline/spell.h"

#include <algorithm>

#include "pipeline/weight_progress.h"
#include "text/glyph_sequences.h"

namespace glm_image::pipeline {
namespace {

/// The texts are encoded as one batch, padded on the right, and what is not padding is joined.
Tensor encode_texts(const Checkpoint& checkpoint,
                    const models::T5EncoderModel& model,
                    const std::vector<std::string>& texts) {
  const auto& tokenizer = *checkpoint.byte_tokenizer;
  const auto sequences = text::glyph_sequences(tokenizer, texts);
  size_t longest = 0;
  for (const auto& sequence : sequences) longest = std::max(longest, sequence.size());
  const auto rows = static_cast<int64_t>(sequences.size());
  const auto columns = static_cast<int64_t>(longest);
  auto ids = at::full({rows, columns}, tokenizer.pad_id(), at::kLong);
  auto mask = at::zeros({rows, columns}, at::kBool);
  for (int64_t row = 0; row < rows; ++row) {
    const auto& sequence = sequences[row];
    const auto length = static_cast<int64_t>(sequence.size());
    ids[row].narrow(0, 0, length).copy_(torch::tensor(sequence));
    mask[row].narrow(0, 0, length).fill_(true);
  }
  const auto& device = checkpoint.placement().device;
  const auto encoded = model->forward(ids.to(device), mask.to(device));
  std::vector<Tensor> parts;
  for (int64_t row = 0; row < rows; ++row) {
    parts.push_back(encoded[row].narrow(0, 0, static_cast<int64_t>(sequences[row].size())));
  }
  return at::cat(parts).unsqueeze(0);
}

}  // namespace

Glyphs spell(const Checkpoint& checkpoint,
             const std::vector<std::string>& texts,
             RunMonitor& monitor) {
  const auto model = checkpoint.load_glyph_encoder(weight_progress(monitor));
  monitor.begin(Stage::kSpelling, 1);
  Glyphs glyphs{encode_texts(checkpoint, model, texts), encode_texts(checkpoint, model, {})};
  monitor.observe("glyph.embeds", glyphs.texts[0]);
  monitor.observe("glyph.negative_embeds", glyphs.empty[0]);
  monitor.step(1);
  return glyphs;
}

}  // namespace glm_image::pipeline
