#pragma once

#include <vector>

#include "nano/training/classifier_head.h"
#include "nano/training/scene_questions.h"

namespace glm_image::nano {

/// Auxiliary head that answers the questions of scene_questions.h from the last tokens of a prompt;
/// used only in training.
///
/// Each place has its own token: the last token of the prompt answers for the first place, the one
/// before it for the second, and so on. The last token also answers for the background. Visual
/// tokens can thus attend to the place that they draw. A single token could not hold all answers,
/// since attention returns the same value from it for every query.
struct SceneReaderImpl : torch::nn::Module {
  SceneReaderImpl(const posters::PosterSource& source,
                  int64_t hidden_size,
                  const at::TensorOptions& options);

  struct Answered {
    Tensor loss;                      ///< scalar: sum over questions, mean over scenes
    Tensor kinds_right, edges_right;  ///< scalars: accuracies
  };
  /// `prompt_ends` [N, posters::kPlaceCount, hidden], see the function of this name; `answers` [N,
  /// questions] int64.
  Answered forward(const Tensor& prompt_ends, const Tensor& answers) const;

  ClassifierHead to_scene{nullptr};
};
TORCH_MODULE(SceneReader);

/// Gathers the last kPlaceCount tokens of each prompt, the last one first. hidden [N, tokens, dim];
/// ends [N] int64, the index of each prompt's last token. Returns [N, kPlaceCount, dim]. Prompts
/// that are too short repeat their first token.
Tensor prompt_ends(const Tensor& hidden, const Tensor& ends);

}  // namespace glm_image::nano
