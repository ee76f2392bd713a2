#pragma once

#include "nn/modules.h"
#include "text/byte_tokenizer.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// What is asked about the place of a letter: how many letters of its text come before it, and
/// after it; how many of its line come before it, and which of the text's lines this is. The codes
/// tell a patch how far from the start of which line it stands, but not how long the line above
/// was.
inline constexpr int64_t kPlaceQuestions = 4;

/// Which letter every patch of side×side pixels shows: [3 + kPlaceQuestions, H/side, W/side] int64,
/// −1 where no letter covers an eighth of the patch, else of the letter that covers most of it
///   0: the index of its first byte among the picture's glyph tokens (text::glyph_sequences),
///   1, 2: the first and the last byte of its character,
///   3 …: its place.
Tensor letters_of_patches(const PosterExample& example,
                          const text::ByteTokenizer& tokenizer,
                          int64_t side);

/// The place of the letter of every glyph token: [kPlaceQuestions, tokens] int64, −1 for tokens
/// that are no byte of a text. A space that a line breaks at ends the line.
Tensor places_of_glyphs(const std::vector<posters::TextItem>& texts,
                        const text::ByteTokenizer& tokenizer,
                        int64_t tokens);

/// Learns beside the DiT, and is not part of the model: it reads in the image tokens of an early
/// block which letter of the texts belongs there and at which place it stands, in those of a later
/// block what it is; and in the glyph encoder's outputs the places of its letters. Where a text
/// breaks follows from its letters, nearly always.
///
/// The velocity's error alone teaches this slowly: the DiT's text tokens carry no positions but
/// what the glyph encoder writes into them, and until both have found a common way of counting
/// letters, neither learns anything from the other. (Chen et al. 2023, TextDiffuser, supervise a
/// denoiser by a reader of its letters to the same end.)
struct LetterReaderImpl : torch::nn::Module {
  /// hidden: of the DiT; glyph_hidden: of the glyph encoder.
  LetterReaderImpl(int64_t hidden, int64_t glyph_hidden, const at::TensorOptions& options);

  struct Reading {
    /// Scalars float32: mean cross-entropies over the patches of letters, and over the glyph
    /// tokens; 0 where there are none.
    Tensor pointing_loss, spelling_loss, placing_loss, counting_loss;
    Tensor counting_right;  ///< scalar: share of the glyph tokens; NaN where there are none
    /// [B, image tokens] float32, 0 or 1: patches of letters, and those of them that are read
    /// right.
    Tensor shown, pointing_right, spelling_right, placing_right;
  };
  /// Shares of the patches of letters of all pictures; NaN where there are none.
  static Tensor share_right(const Tensor& right, const Tensor& shown) {
    return right.sum() / shown.sum();
  }
  struct Input {
    Tensor early, late;   ///< [B, text + image tokens, hidden] of two blocks
    Tensor glyphs;        ///< [B, text tokens, glyph_hidden], the glyph encoder's outputs
    Tensor seen;          ///< [B, text tokens] bool
    Tensor letters;       ///< [B, 3 + kPlaceQuestions, image tokens] as from letters_of_patches
    Tensor glyph_places;  ///< [B, kPlaceQuestions, text tokens] as from places_of_glyphs
  };
  Reading forward(const Input& input) const;

 private:
  nn::LayerNorm pointing_norm{nullptr}, spelling_norm{nullptr};
  nn::Linear to_queries{nullptr}, to_keys{nullptr}, to_bytes{nullptr};
  /// Of the places in the text and in the line.
  nn::Linear to_places{nullptr}, to_line_places{nullptr};
  nn::Linear to_glyph_places{nullptr}, to_glyph_line_places{nullptr};
};
TORCH_MODULE(LetterReader);

}  // namespace glm_image::train
