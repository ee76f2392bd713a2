#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/torch.h"
#include "io/safetensors_header.h"

/// Deterministic random weights, generated at least as fast as a disk writes.
namespace glm_image::random_checkpoint {

/// The normal distribution of a tensor's values.
struct Distribution {
  double mean = 0;
  double deviation = 0;
};

/// Returns a distribution that keeps activations at about 1 through every module. Matrices and
/// kernels have deviation 1/√fan-in, embeddings 1; weights of norms are 1 and biases 0. Gates,
/// scales and shifts of the transformer's blocks are smaller than 1. `d_kv` is the head dimension
/// of the text encoder, which does not scale its attention scores.
Distribution distribution_of(const std::string& name, at::IntArrayRef shape, int64_t d_kv);

/// Values of one tensor. Each value depends only on the key and its index, so that parts can be
/// generated in any order and by any number of threads.
class RandomValues {
 public:
  RandomValues(Distribution distribution, io::ElementType type, uint64_t key);

  /// Writes the values first … first + count − 1 as stored bytes. `first` must be a multiple of 4.
  void draw(uint64_t first, uint64_t count, char* bytes) const;

 private:
  uint64_t key_;
  uint64_t element_size_;
  /// Stored values of 65536 equally likely quantiles, or one value if the deviation is 0.
  std::vector<char> quantiles_;
};

}  // namespace glm_image::random_checkpoint
