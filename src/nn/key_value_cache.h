#pragma once

#include <utility>
#include <vector>

#include "core/torch.h"

namespace glm_image::nn {

/// Keys and values of the tokens that a causal decoder has read, for every layer and each of
/// `batch` sequences of the same length. The storage is allocated once. Not thread-safe.
class KeyValueCache {
 public:
  /// Allocates 2·layers tensors [batch, capacity, heads, dim].
  KeyValueCache(int64_t layers,
                int64_t batch,
                int64_t capacity,
                int64_t heads,
                int64_t dim,
                const at::TensorOptions& options);

  /// Writes k and v [B, T, H, D] after the cached tokens of the first B sequences and returns all
  /// their keys and values, [B, length + T, H, D], as views. B = 1 writes to every sequence, which
  /// so share a prompt. Only `advance` changes `length`; call it after the last layer.
  std::pair<Tensor, Tensor> append(int64_t layer, const Tensor& k, const Tensor& v);

  int64_t length() const { return length_; }
  int64_t capacity() const { return capacity_; }
  void advance(int64_t tokens);
  /// Removes the tokens from `length` on, so that several continuations can share a prompt.
  void truncate(int64_t length);

 private:
  std::vector<Tensor> keys_, values_;
  int64_t capacity_;
  int64_t length_ = 0;
};

}  // namespace glm_image::nn
