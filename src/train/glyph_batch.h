#pragma once

#include "models/glyph_encoder/t5_encoder.h"
#include "text/byte_tokenizer.h"

namespace glm_image::train {

/// The texts to spell of several pictures, as one batch for the glyph encoder, and how its outputs
/// become the DiT's text tokens.
struct GlyphBatch {
  Tensor ids;     ///< [texts, T] int64, padded on the right
  Tensor mask;    ///< [texts, T] bool
  Tensor gather;  ///< [B, tokens] int64 into the flattened outputs
  Tensor seen;    ///< [B, tokens] bool, false on padding
};

/// The sequences are those of text::glyph_sequences.
GlyphBatch make_glyph_batch(const text::ByteTokenizer& tokenizer,
                            const std::vector<std::vector<std::string>>& texts);

/// [B, tokens, d_model]
Tensor encode_glyphs(const models::T5EncoderModel& encoder, const GlyphBatch& batch);

}  // namespace glm_image::train
