#pragma once

#include <functional>
#include <vector>

#include "models/generator/generation_model.h"
#include "models/generator/token_sampler.h"
#include "text/rotary_positions.h"

namespace glm_image::pipeline {

/// Decodes a batch of sequences with a common prefix: a step reads every weight once for all of
/// them. With at most nn::rows_together sequences, each gets the tokens that it would get alone.
class Decoding {
 public:
  /// The cache holds `capacity` tokens of each of up to `sequences` sequences. `options` are the
  /// device and type of the model. `share`: the other ranks, if the model is a shard; all ranks
  /// decode the same, and rank 0 samples.
  Decoding(models::GlmImageForConditionalGeneration model,
           int64_t sequences,
           int64_t capacity,
           const at::TensorOptions& options,
           models::GeneratorShare* share = nullptr);

  /// Appends tokens to all sequences. Returns the logits after the last, [vision_vocab] on the CPU.
  Tensor read(const std::vector<int64_t>& ids, const text::RotaryPositions& positions);

  /// Removes the tokens from `length` on.
  void truncate(int64_t length) { cache_.truncate(length); }

  /// A sequence, its tokens sampled so far and the logits for the next one; undefined after the
  /// last.
  using AfterToken = std::function<void(
      int64_t sequence, const std::vector<int64_t>& drawn, const Tensor& logits)>;

  /// Samples visual codes 0 … codes − 1 for the positions of `grids` (text::decode_positions),
  /// except the end marker's, one sequence for each generator of `random`. `logits` are those of
  /// the first code. Calls `after_token` after each code of each sequence.
  std::vector<std::vector<int64_t>> draw(const Tensor& logits,
                                         const text::RotaryPositions& grids,
                                         int64_t codes,
                                         const models::SamplingOptions& sampling,
                                         std::vector<at::Generator> random,
                                         const AfterToken& after_token);

 private:
  /// Appends ids [sequences, tokens]. Returns the logits after the last, [sequences, vision_vocab].
  Tensor append(const Tensor& ids, const text::RotaryPositions& positions);

  at::Device device_;
  models::GlmImageForConditionalGeneration model_;
  models::GeneratorShare* share_;  ///< null for a whole model
  nn::KeyValueCache cache_;
};

}  // namespace glm_image::pipeline
