#pragma once

#include "nano/training/classifier_head.h"
#include "nano/training/poster_feed.h"
#include "text/byte_tokenizer.h"

namespace glm_image::nano {

/// Number of questions about a letter's place: the letters before it and after it in its text, the
/// letters before it in its line, and the index of its line. A code gives a patch's offset within
/// its line. On the second line this identifies a letter only if the first line's length is also
/// known.
inline constexpr int64_t kPlaceQuestions = 4;

/// The letter that covers most of each patch of side×side pixels, [3 + kPlaceQuestions, H/side,
/// W/side] int64. kNoAnswer if no letter covers more than an eighth of the patch. Channels:
///    0: index of the letter's first byte among the picture's glyph tokens (text::glyph_sequences),
///    1, 2: first and last byte of its character,
///    3 …: its place.
Tensor letters_of_patches(const PosterExample& example,
                          const text::ByteTokenizer& tokenizer,
                          int64_t side);

/// The place of each glyph token's letter, [kPlaceQuestions, tokens] int64; kNoAnswer for tokens
/// that are not bytes of a text. A space at a line break belongs to the line before it.
Tensor places_of_glyphs(const std::vector<posters::TextItem>& texts,
                        const text::ByteTokenizer& tokenizer,
                        int64_t tokens);

/// Auxiliary heads of the stage "transformer", used only in training. The image tokens of an early
/// block point to the glyph token of their letter and predict its place. Those of a later block
/// predict the letter's bytes. The glyph encoder's outputs predict the places of their letters.
///
/// The velocity loss alone teaches this slowly. Only the glyph encoder can encode positions into
/// the DiT's text tokens, and neither model improves until both agree on an encoding. Chen et al.
/// 2023, TextDiffuser, supervise a denoiser with a character segmenter for the same reason.
struct LetterReaderImpl : torch::nn::Module {
  /// `hidden`: width of the DiT; `glyph_hidden`: width of the glyph encoder.
  LetterReaderImpl(int64_t hidden, int64_t glyph_hidden, const at::TensorOptions& options);

  struct Reading {
    /// Mean cross-entropies, float32 scalars; 0 if there is nothing to average. The first three are
    /// over patches with a letter, `counting_loss` is over glyph tokens.
    Tensor pointing_loss, spelling_loss, placing_loss, counting_loss;
    Tensor counting_right;  ///< scalar: accuracy over glyph tokens, NaN without any
    /// [B, image tokens] float32, 0 or 1: patches with a letter, and correct predictions among
    /// them.
    Tensor shown, pointing_right, spelling_right, placing_right;
  };
  /// Accuracy over all patches with a letter; NaN if there are no letters.
  static Tensor share_right(const Tensor& right, const Tensor& shown) {
    return right.sum() / shown.sum();
  }
  struct Input {
    Tensor early, late;   ///< [B, text + image tokens, hidden], see HeadBlocks
    Tensor glyphs;        ///< [B, text tokens, glyph_hidden], the glyph encoder's outputs
    Tensor seen;          ///< [B, text tokens] bool, false on padding
    Tensor letters;       ///< [B, 3 + kPlaceQuestions, image tokens], see letters_of_patches
    Tensor glyph_places;  ///< [B, kPlaceQuestions, text tokens], see places_of_glyphs
  };
  Reading forward(const Input& input) const;

 private:
  nn::LayerNorm pointing_norm{nullptr}, spelling_norm{nullptr};
  nn::Linear to_queries{nullptr}, to_keys{nullptr};
  ClassifierHead to_bytes{nullptr};
  /// For the place in the text and in the line.
  ClassifierHead to_places{nullptr}, to_line_places{nullptr};
  ClassifierHead to_glyph_places{nullptr}, to_glyph_line_places{nullptr};
};
TORCH_MODULE(LetterReader);

}  // namespace glm_image::nano
