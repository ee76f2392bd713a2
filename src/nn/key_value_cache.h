#pragma once

#include <utility>
#include <vector>

#include "core/torch.h"

namespace glm_image::nn {

/// Keys and values of the tokens that a causal decoder has read, for every layer, in storage that
/// is allocated once. Not thread-safe; one decoding owns it.
class KeyValueCache {
 public:
  /// Room for `capacity` tokens: 2·layers tensors [batch, capacity, heads, dim].
  KeyValueCache(int64_t layers,
                int64_t batch,
                int64_t capacity,
                int64_t heads,
                int64_t dim,
                const at::TensorOptions& options);

  /// Writes k and v [B, T, H, D] behind the tokens that are there and returns all keys and values,
  /// [B, length + T, H, D], as views. `length` moves only with `advance`, after the last layer.
  std::pair<Tensor, Tensor> append(int64_t layer, const Tensor& k, const Tensor& v);

  int64_t length() const { return length_; }
  int64_t capacity() const { return capacity_; }
  void advance(int64_t tokens);
  /// Forgets the tokens from `length` on: several continuations can share one prompt.
  void truncate(int64_t length);

 private:
  std::vector<Tensor> keys_, values_;
  int64_t capacity_;
  int64_t length_ = 0;
};

}  // namespace glm_image::nn
