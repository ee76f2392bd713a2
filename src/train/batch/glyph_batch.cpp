#include "train/batch/glyph_batch.h"

#include <algorithm>

#include "text/glyph_sequences.h"

namespace glm_image::train {

GlyphBatch GlyphBatch::to(const at::Device& device) const {
  return {ids.to(device), mask.to(device), gather.to(device), seen.to(device)};
}

void add_glyphs(const GlyphBatch& glyphs, Batch& batch) {
  batch.emplace("glyph_ids", glyphs.ids);
  batch.emplace("glyph_mask", glyphs.mask);
  batch.emplace("glyph_gather", glyphs.gather);
  batch.emplace("glyph_seen", glyphs.seen);
}

GlyphBatch glyphs_of(const Batch& batch) {
  return {batch.at("glyph_ids"),
          batch.at("glyph_mask"),
          batch.at("glyph_gather"),
          batch.at("glyph_seen")};
}

GlyphBatch make_glyph_batch(const text::ByteTokenizer& tokenizer,
                            const std::vector<std::vector<std::string>>& texts) {
  std::vector<std::vector<int64_t>> rows;
  std::vector<std::vector<int64_t>> places;  // row · longest_row + column of each picture's tokens
  size_t longest_row = 0, longest_picture = 0;
  for (const auto& of_picture : texts) {
    for (auto& sequence : text::glyph_sequences(tokenizer, of_picture)) {
      longest_row = std::max(longest_row, sequence.size());
      rows.push_back(std::move(sequence));
    }
  }
  size_t row = 0;
  for (const auto& of_picture : texts) {
    const size_t count = std::max<size_t>(of_picture.size(), 1);
    auto& here = places.emplace_back();
    for (size_t i = 0; i < count; ++i, ++row) {
      for (size_t column = 0; column < rows[row].size(); ++column) {
        here.push_back(static_cast<int64_t>(row * longest_row + column));
      }
    }
    longest_picture = std::max(longest_picture, here.size());
  }

  const auto padded =
      [](const std::vector<std::vector<int64_t>>& lists, size_t width, int64_t fill) {
        auto values = at::full(
            {static_cast<int64_t>(lists.size()), static_cast<int64_t>(width)}, fill, at::kLong);
        auto mask = at::zeros(values.sizes(), at::kBool);
        for (size_t i = 0; i < lists.size(); ++i) {
          const auto length = static_cast<int64_t>(lists[i].size());
          values[static_cast<int64_t>(i)].narrow(0, 0, length).copy_(torch::tensor(lists[i]));
          mask[static_cast<int64_t>(i)].narrow(0, 0, length).fill_(true);
        }
        return std::make_pair(values, mask);
      };
  GlyphBatch batch;
  std::tie(batch.ids, batch.mask) = padded(rows, longest_row, tokenizer.pad_id());
  std::tie(batch.gather, batch.seen) = padded(places, longest_picture, 0);
  return batch;
}

Tensor encode_glyphs(const models::T5EncoderModel& encoder, const GlyphBatch& batch) {
  const auto outputs = encoder->forward(batch.ids, batch.mask).flatten(0, 1);
  return outputs.index_select(0, batch.gather.flatten())
      .view({batch.gather.size(0), batch.gather.size(1), -1});
}

}  // namespace glm_image::train
