#include "train/data/example_order.h"

#include <algorithm>

#include "core/random_stream.h"
#include "train/seeds.h"

namespace glm_image::train {
int64_t permuted(int64_t position, int64_t size, uint64_t key) {
  // The paper's bound requires about 6·log2(size) rounds for an advantage below 1/size. Sizes are
  // at most 2⁴⁰.
  constexpr uint64_t kRounds = 240;
  const auto count = static_cast<uint64_t>(size);
  auto place = static_cast<uint64_t>(position);
  for (uint64_t round = 0; round < kRounds; ++round) {
    const uint64_t round_key = mix_bits(key + round * 0x9E3779B97F4A7C15U);
    const uint64_t partner = (round_key % count + count - place) % count;
    // Both partners read the same bit, so they either swap or both stay.
    const uint64_t higher = std::max(place, partner);
    if (mix_bits(round_key + higher * 0xD1B54A32D192ED03U) >> 63 != 0) place = partner;
  }
  return static_cast<int64_t>(place);
}

int64_t ExampleOrder::at(int64_t position) const {
  if (examples == 0) return position;
  const auto epoch = static_cast<uint64_t>(position / examples);
  return permuted(position % examples, examples, mix_seed(seed, kOrderPurpose, epoch));
}

}  // namespace glm_image::train
