#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace glm_image {

/// The output function of SplitMix64 (Steele, Lea and Flood 2014), which mixes 64 bits.
inline uint64_t mix_bits(uint64_t value) {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

/// A hash that is the same on every machine and in every version: FNV-1a, mixed.
inline uint64_t stable_hash(std::string_view bytes) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
  }
  return mix_bits(hash);
}

/// Random numbers that are the same on every machine, unlike those of <random>'s distributions.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) : state_(mix_bits(seed)) {}

  uint64_t next() { return mix_bits(state_ += 0x9E3779B97F4A7C15u); }
  /// 0 … count − 1; `count` must be positive.
  uint64_t below(uint64_t count) { return next() % count; }
  int64_t between(int64_t first, int64_t last) {
    return first + static_cast<int64_t>(below(static_cast<uint64_t>(last - first + 1)));
  }
  /// 0 ≤ x < 1.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  bool chance(double probability) { return uniform() < probability; }

  template <typename T>
  const T& pick(const std::vector<T>& choices) {
    GLM_IMAGE_CHECK(!choices.empty(), "nothing to choose from");
    return choices[below(choices.size())];
  }
  /// A random index; its probability is proportional to its weight.
  std::size_t pick_weighted(const std::vector<double>& weights) {
    double total = 0;
    for (const double weight : weights) total += weight;
    double left = uniform() * total;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (left < weights[i]) return i;
      left -= weights[i];
    }
    GLM_IMAGE_CHECK(!weights.empty(), "nothing to choose from");
    return weights.size() - 1;
  }

 private:
  uint64_t state_;
};

}  // namespace glm_image
