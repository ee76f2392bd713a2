#pragma once

#include "core/torch.h"
#include "text/rotary_positions.h"

namespace glm_image::train {

/// Writes the positions of a sequence into `row`, [3, T] int64 (temporal, height, width): those of
/// the prompt, and after them those of the first `count` tokens. The rest of `row` is unchanged.
inline void put_positions(const Tensor& row,
                          const text::RotaryPositions& prompt,
                          const text::RotaryPositions& tokens,
                          int64_t count) {
  const auto length = static_cast<int64_t>(prompt.temporal.size());
  const auto put = [&](int64_t axis,
                       const std::vector<int64_t>& of_prompt,
                       const std::vector<int64_t>& of_tokens) {
    row[axis].narrow(0, 0, length).copy_(torch::tensor(of_prompt));
    row[axis].narrow(0, length, count).copy_(torch::tensor(of_tokens).narrow(0, 0, count));
  };
  put(0, prompt.temporal, tokens.temporal);
  put(1, prompt.height, tokens.height);
  put(2, prompt.width, tokens.width);
}

}  // namespace glm_image::train
