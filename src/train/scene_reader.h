#pragma once

#include <vector>

#include "nn/modules.h"
#include "train/scene_questions.h"

namespace glm_image::train {

/// Asks the last tokens of prompts the questions of scene_questions.h; in training alone.
///
/// What stands at a place is asked of a token of its own: of a prompt's last token for the first
/// place, of the one before it for the second, and so on, the ground of the last one. Whoever draws
/// can then look up the place where it draws. One token cannot hold them all: attention gives every
/// token that looks at it the same few values, whatever it looks for.
struct SceneReaderImpl : torch::nn::Module {
  SceneReaderImpl(const posters::PosterSource& source,
                  int64_t hidden_size,
                  const at::TensorOptions& options);

  struct Answered {
    Tensor loss;                      ///< the sum over all questions, the mean over scenes
    Tensor kinds_right, edges_right;  ///< share of right answers about what stands where
  };
  /// `prompt_ends` [N, posters::kPlaceCount, hidden], from the last token backwards; `answers`
  /// [N, questions].
  Answered forward(const Tensor& prompt_ends, const Tensor& answers);

  nn::Linear to_scene{nullptr};

 private:
  std::vector<int64_t> answers_;  ///< how many each question has
};
TORCH_MODULE(SceneReader);

/// hidden [N, tokens, dim], ends [N] the last token of each prompt → [N, kPlaceCount, dim], what a
/// SceneReader reads. A token before the first one is the first one.
Tensor prompt_ends(const Tensor& hidden, const Tensor& ends);

}  // namespace glm_image::train
