#pragma once

#include <cstdint>

#include "core/torch.h"
#include "io/json_file.h"

namespace glm_image::models {

/// The sampling options of vision_language_encoder/generation_config.json. A key that the file
/// leaves out has the default of transformers' GenerationConfig. do_sample is not read: the
/// reference pipeline always samples.
struct SamplingOptions {
  double temperature = 1.0;
  double top_p = 1.0;
  int64_t top_k = 0;  ///< 0: no cut

  static SamplingOptions from_json(const io::JsonFields& generation_config);
};

/// What is left of the distribution after temperature, top-k and top-p, in that order:
/// logits [vocab] → probabilities [vocab] float32. Top-p sorts ascending and drops while the
/// cumulative probability is ≤ 1 − p; the token that crosses the threshold stays, and one always
/// does.
Tensor token_probabilities(const Tensor& logits, const SamplingOptions& options);

/// One multinomial draw.
int64_t draw_token(const Tensor& probabilities, at::Generator& random);

/// One draw among ids 0 … codes − 1 only. Where `probabilities` leave nothing to those, the model's
/// own logits decide.
int64_t draw_code(const Tensor& probabilities,
                  const Tensor& logits,
                  int64_t codes,
                  at::Generator& random);

}  // namespace glm_image::models
