#pragma once

#include <vector>

#include "nn/modules.h"

namespace glm_image::train {

/// What a token of a poster shows, as far as a prompt can tell it.
struct TokenContent {
  Tensor kinds;   ///< [tokens] int64, as from token_kinds
  Tensor parts;   ///< [questions, tokens] int64, as from token_parts
  Tensor pixels;  ///< [tokens, pixels] float32, −1 … 1: the essence of its pixels
};

/// Learns beside the tokenizer, and is not part of the model: makes vectors of what tokens show,
/// for the codebook to quantise. It knows the scene, so that the same part of the same item always
/// has the same vector, whatever stands around it and however its pixels came out; an encoder of
/// pictures that learned its codes alone would give one part many.
struct CodeTeacherImpl : torch::nn::Module {
  CodeTeacherImpl(int64_t kinds,
                  std::vector<int64_t> parts,
                  int64_t pixels,
                  int64_t hidden,
                  int64_t dim,
                  const at::TensorOptions& options);
  /// [tokens, dim] float32, of length 1. Pixels tell of the ground alone: the scene tells of
  /// everything else what it is.
  Tensor forward(const TokenContent& content) const;

 private:
  std::vector<int64_t> counts_;  ///< of kinds, then of each question's answers
  nn::Linear from_content{nullptr}, to_vectors{nullptr};
};
TORCH_MODULE(CodeTeacher);

/// Reads codes back, in training alone: of each code, seen without its neighbours, what the token
/// shows.
struct CodeReaderImpl : torch::nn::Module {
  CodeReaderImpl(int64_t kinds,
                 std::vector<int64_t> parts,
                 int64_t pixels,
                 int64_t features,
                 const at::TensorOptions& options);

  struct Reading {
    Tensor pixels;              ///< [..., pixels] float32
    Tensor kinds;               ///< logits, [..., kinds] float32
    std::vector<Tensor> parts;  ///< of each question logits, [..., answers]
  };
  /// features [..., features] of codes.
  Reading forward(const Tensor& features) const;

 private:
  std::vector<int64_t> parts_;  ///< how many answers each question has
  nn::Linear to_hidden{nullptr}, to_pixels{nullptr}, to_kinds{nullptr}, to_parts{nullptr};
};
TORCH_MODULE(CodeReader);

}  // namespace glm_image::train
