#include "nn/key_value_cache.h"

#include "core/error.h"

namespace glm_image::nn {

KeyValueCache::KeyValueCache(int64_t layers,
                             int64_t batch,
                             int64_t capacity,
                             int64_t heads,
                             int64_t dim,
                             const at::TensorOptions& options)
    : capacity_(capacity) {
  for (int64_t layer = 0; layer < layers; ++layer) {
    keys_.push_back(at::empty({batch, capacity, heads, dim}, options));
    values_.push_back(at::empty({batch, capacity, heads, dim}, options));
  }
}

std::pair<Tensor, Tensor> KeyValueCache::append(int64_t layer, const Tensor& k, const Tensor& v) {
  const int64_t batch = k.size(0), tokens = k.size(1);
  GLM_IMAGE_CHECK(
      length_ + tokens <= capacity_, "key/value cache of ", capacity_, " tokens is full");
  const auto write = [&](const Tensor& cached, const Tensor& added) {
    GLM_IMAGE_CHECK(batch <= cached.size(0), batch, " sequences of ", cached.size(0));
    cached.narrow(0, 0, batch == 1 ? cached.size(0) : batch)
        .narrow(1, length_, tokens)
        .copy_(added);
    return cached.narrow(0, 0, batch).narrow(1, 0, length_ + tokens);
  };
  return {write(keys_.at(layer), k), write(values_.at(layer), v)};
}

void KeyValueCache::advance(int64_t tokens) {
  GLM_IMAGE_CHECK(
      length_ + tokens <= capacity_, "key/value cache of ", capacity_, " tokens is full");
  length_ += tokens;
}

void KeyValueCache::truncate(int64_t length) {
  GLM_IMAGE_CHECK(length >= 0 && length <= length_, "cannot truncate ", length_, " to ", length);
  length_ = length;
}

}  // namespace glm_image::nn
