#pragma once

#include <vector>

#include "nano/training/classifier_head.h"

namespace glm_image::nano {

/// What the tokens of a poster show, as far as its prompt can determine it.
struct TokenContent {
  Tensor kinds;   ///< [tokens] int64, see token_kinds
  Tensor parts;   ///< [questions, tokens] int64, see token_parts
  Tensor pixels;  ///< [tokens, pixels] float32 in [−1, 1]: the target pixels, see TeacherVqStage
};

/// Maps token contents to vectors for the codebook to quantise. It is trained together with the
/// tokenizer and is not part of the model.
///
/// Its input comes from the scene, so the same cell of the same item always gets the same vector.
/// An image encoder that learned its own codes would assign many codes to one cell, depending on
/// its surroundings and its pixels.
struct CodeTeacherImpl : torch::nn::Module {
  CodeTeacherImpl(int64_t kinds,
                  std::vector<int64_t> parts,
                  int64_t pixels,
                  int64_t hidden,
                  int64_t dim,
                  const at::TensorOptions& options);
  /// Returns unit vectors, [tokens, dim] float32. Only background tokens use `pixels`; the class
  /// and the cell describe all others.
  Tensor forward(const TokenContent& content) const;

 private:
  std::vector<int64_t> counts_;  ///< number of classes, then of each question's answers
  nn::Linear from_content{nullptr}, to_vectors{nullptr};
};
TORCH_MODULE(CodeTeacher);

/// Auxiliary decoder of codes, used only in training. It predicts what a token shows from its code
/// alone, without its neighbours.
struct CodeReaderImpl : torch::nn::Module {
  CodeReaderImpl(int64_t kinds,
                 std::vector<int64_t> parts,
                 int64_t pixels,
                 int64_t features,
                 const at::TensorOptions& options);

  struct Reading {
    Tensor pixels;              ///< [tokens, pixels] float32
    Tensor kinds;               ///< [tokens, kinds] float32 logits
    std::vector<Tensor> parts;  ///< per question, [tokens, answers] float32 logits
  };
  /// `features` [tokens, features] are the code's features (GlmImageVQModel::features_of).
  Reading forward(const Tensor& features) const;

 private:
  nn::Linear to_hidden{nullptr}, to_pixels{nullptr};
  ClassifierHead to_kinds{nullptr}, to_parts{nullptr};
};
TORCH_MODULE(CodeReader);

}  // namespace glm_image::nano
