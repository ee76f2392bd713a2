#pragma once

#include "models/glyph_encoder/t5_encoder.h"
#include "text/byte_tokenizer.h"
#include "train/stage.h"

namespace glm_image::train {

/// The texts to spell of several pictures, batched for the glyph encoder, and the indices that
/// arrange its outputs as the DiT's text tokens.
struct GlyphBatch {
  Tensor ids;     ///< [texts, T] int64, padded on the right
  Tensor mask;    ///< [texts, T] bool
  Tensor gather;  ///< [B, tokens] int64, indices into the flattened outputs
  Tensor seen;    ///< [B, tokens] bool, false on padding

  GlyphBatch to(const at::Device& device) const;
};

/// Tokenizes the texts of each picture with text::glyph_sequences.
GlyphBatch make_glyph_batch(const text::ByteTokenizer& tokenizer,
                            const std::vector<std::vector<std::string>>& texts);

/// Adds the tensors to a batch as "glyph_ids", "glyph_mask", "glyph_gather" and "glyph_seen".
void add_glyphs(const GlyphBatch& glyphs, Batch& batch);
/// The glyphs that add_glyphs added.
GlyphBatch glyphs_of(const Batch& batch);

/// Returns the DiT's text tokens, [B, tokens, d_model].
Tensor encode_glyphs(const models::T5EncoderModel& encoder, const GlyphBatch& batch);

}  // namespace glm_image::train
