#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/torch.h"
#include "io/safetensors_header.h"

/// Random weights of a deterministic kind, fast enough for a disk.
namespace glm_image::random_checkpoint {

/// What the values of a tensor are: `mean` plus a normal variable of this deviation.
struct Distribution {
  double mean = 0;
  double deviation = 0;
};

/// The distribution with which activations keep a size of about 1 through every module: matrices
/// and kernels have deviation 1/√fan-in, embeddings 1, gains of norms are 1 and biases 0. Gates,
/// scales and shifts of the transformer's blocks come out smaller than 1.
/// `d_kv`: the width of a head of the text encoder, which does not scale its scores.
Distribution distribution_of(const std::string& name, at::IntArrayRef shape, int64_t d_kv);

/// Values of one tensor. Each value depends on the key and on its index alone, so that any part can
/// be drawn in any order, by any number of threads.
class RandomValues {
 public:
  RandomValues(Distribution distribution, io::ElementType type, uint64_t key);

  /// Values first … first + count − 1 as stored bytes. `first` must be a multiple of 4.
  void draw(uint64_t first, uint64_t count, char* bytes) const;

 private:
  uint64_t key_;
  uint64_t element_size_;
  /// Stored values of 65536 equally likely quantiles; of one if the deviation is 0.
  std::vector<char> quantiles_;
};

}  // namespace glm_image::random_checkpoint
