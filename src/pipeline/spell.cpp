#include "pipeline/spell.h"

#include "pipeline/weight_progress.h"
#include "text/glyph_sequences.h"

namespace glm_image::pipeline {
namespace {

/// Encodes one text at a time and concatenates: a batch would be padded to the longest text, and a
/// prompt may quote many short texts and a long one.
Tensor encode_texts(const Checkpoint& checkpoint,
                    const models::T5EncoderModel& model,
                    const std::vector<std::string>& texts) {
  const auto& device = checkpoint.placement().device;
  std::vector<Tensor> parts;
  for (const auto& sequence : text::glyph_sequences(*checkpoint.byte_tokenizer, texts)) {
    const auto ids = torch::tensor(sequence).unsqueeze(0);
    const auto mask = at::ones(ids.sizes(), at::kBool);
    parts.push_back(model->forward(ids.to(device), mask.to(device)));
  }
  return at::cat(parts, /*dim=*/1);
}

}  // namespace

Glyphs spell(const Checkpoint& checkpoint,
             const std::vector<std::string>& texts,
             RunMonitor& monitor,
             const LoadPlan& load) {
  const auto model = checkpoint.load_glyph_encoder(weight_progress(monitor), load);
  monitor.begin(Stage::kSpelling, 1);
  Glyphs glyphs{encode_texts(checkpoint, model, texts), encode_texts(checkpoint, model, {})};
  monitor.observe("glyph.embeds", glyphs.texts[0]);
  monitor.observe("glyph.negative_embeds", glyphs.empty[0]);
  monitor.step(1);
  return glyphs;
}

}  // namespace glm_image::pipeline
