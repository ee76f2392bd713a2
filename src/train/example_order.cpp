#include "train/example_order.h"

#include <algorithm>

#include "posters/random_stream.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

constexpr uint64_t kOrderPurpose = 102;

}  // namespace

int64_t permuted(int64_t position, int64_t size, uint64_t key) {
  // The paper's bound is about 6·log2(size) for an advantage below 1/size; sizes end at 2⁴⁰.
  constexpr uint64_t kRounds = 240;
  const auto count = static_cast<uint64_t>(size);
  auto place = static_cast<uint64_t>(position);
  for (uint64_t round = 0; round < kRounds; ++round) {
    const uint64_t round_key = posters::mix_bits(key + round * 0x9E3779B97F4A7C15U);
    const uint64_t partner = (round_key % count + count - place) % count;
    // Both of a pair see the same bit: either they change places or neither moves.
    const uint64_t higher = std::max(place, partner);
    if (posters::mix_bits(round_key + higher * 0xD1B54A32D192ED03U) >> 63 != 0) place = partner;
  }
  return static_cast<int64_t>(place);
}

int64_t ExampleOrder::at(int64_t position) const {
  if (examples == 0) return position;
  const auto epoch = static_cast<uint64_t>(position / examples);
  return permuted(position % examples, examples, mix_seed(seed, kOrderPurpose, epoch));
}

}  // namespace glm_image::train
