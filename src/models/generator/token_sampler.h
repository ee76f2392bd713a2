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
  int64_t top_k = 0;  ///< 0: no limit

  static SamplingOptions from_json(const io::JsonFields& generation_config);
};

/// Applies temperature, top-k and top-p, in that order: logits [vocab] → probabilities [vocab]
/// float32. Top-p sorts ascending and drops tokens while the cumulative probability is ≤ 1 − p. The
/// token that crosses the threshold is kept, so at least one token remains.
Tensor token_probabilities(const Tensor& logits, const SamplingOptions& options);

/// Draws one sample from the multinomial distribution.
int64_t sample_token(const Tensor& probabilities, at::Generator& random);

/// Samples among ids 0 … codes − 1 only. If `probabilities` are zero for all of them, samples from
/// the softmax of their logits.
int64_t sample_code(const Tensor& probabilities,
                    const Tensor& logits,
                    int64_t codes,
                    at::Generator& random);

}  // namespace glm_image::models
