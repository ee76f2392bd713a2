#pragma once

#include <vector>

#include "nn/modules.h"

namespace glm_image::nano {

/// The target of a question that does not apply: the default ignore_index of cross_entropy_loss.
inline constexpr int64_t kNoAnswer = -100;

/// An auxiliary classifier: a linear map from hidden states to the logits of several questions.
/// Heads are used only in training. The parameters are those of nn::Linear.
struct ClassifierHeadImpl : nn::LinearImpl {
  /// `classes`: of each question.
  ClassifierHeadImpl(int64_t hidden,
                     std::vector<int64_t> classes,
                     const at::TensorOptions& options);

  /// hidden [..., D]; returns the logits of each question, [N, classes] float32, where N is the
  /// product of the leading dimensions.
  std::vector<Tensor> logits(const Tensor& hidden) const;
  /// The same after a layer norm without parameters.
  std::vector<Tensor> normed_logits(const Tensor& hidden) const;

 private:
  std::vector<int64_t> classes_;
};
TORCH_MODULE(ClassifierHead);

/// How well logits [N, classes] agree with targets [N] int64.
struct Classified {
  Tensor losses;  ///< [N] float32, cross-entropies; 0 for kNoAnswer
  Tensor right;   ///< [N] float32, 1 where the likeliest class is the target, otherwise 0
  Tensor asked;   ///< [N] float32, 0 for kNoAnswer, otherwise 1

  /// Scalar: mean loss over the questions that were asked; 0 if none was.
  Tensor loss() const { return losses.sum() / asked.sum().clamp_min(1); }
  /// Scalar: fraction of correct answers; NaN if nothing was asked.
  Tensor accuracy() const { return right.sum() / asked.sum(); }
};
Classified classify(const Tensor& logits, const Tensor& targets);

}  // namespace glm_image::nano
