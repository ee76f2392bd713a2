#pragma once

#include <functional>
#include <vector>

#include "models/generator/generation_model.h"
#include "models/generator/token_sampler.h"
#include "text/rotary_positions.h"

namespace glm_image::pipeline {

/// One sequence on its way through the generator.
class Decoding {
 public:
  /// Room for `capacity` tokens. `options`: device and type of the model.
  Decoding(models::GlmImageForConditionalGeneration model,
           int64_t capacity,
           const at::TensorOptions& options);

  /// Reads tokens behind those already read; logits after the last, [vision_vocab] on the CPU.
  Tensor read(const std::vector<int64_t>& ids, const text::RotaryPositions& positions);

  /// Forgets the tokens from `length` on.
  void truncate(int64_t length) { cache_.truncate(length); }

  /// The tokens drawn so far and the logits for the next; undefined behind the last.
  using AfterToken = std::function<void(const std::vector<int64_t>& drawn, const Tensor& logits)>;

  /// Draws visual codes 0 … codes − 1 for the positions of `grids` (text::decode_positions; the end
  /// marker's is not drawn), the first from `logits`.
  std::vector<int64_t> draw(Tensor logits,
                            const text::RotaryPositions& grids,
                            int64_t codes,
                            const models::SamplingOptions& sampling,
                            at::Generator& random,
                            const AfterToken& after_token);

 private:
  at::Device device_;
  models::GlmImageForConditionalGeneration model_;
  nn::KeyValueCache cache_;
};

}  // namespace glm_image::pipeline
