#pragma once

#include <cstdint>

#include "core/random_stream.h"

namespace glm_image::train {

/// Purposes of the random numbers of a run, in one list so that each number is unique. Never change
/// or reuse a number: a resumed or repeated run needs the same random numbers.
enum SeedPurpose : uint64_t {
  kInitialWeightsPurpose = 0,
  kVaeNoisePurpose = 1,
  kPosterPurpose = 100,  ///< the posters of nano's training data
  kPosterSizePurpose = 101,
  kOrderPurpose = 102,
  kCodebookPurpose = 200,
  kRevivalPurpose = 201,
  kNoisePurpose = 301,
  kDropPurpose = 302,
  kCropPurpose = 303,
  kPosterCodesPurpose = 304,
  kVocabularyCaptionPurpose = 401,
  kPosterPromptPurpose = 500,
  kHidingPurpose = 501,
  kBatchOrderPurpose = 700,
  kBucketOrderPurpose = 701,
  kAdapterDropPurpose = 710,
  kAdapterNoisePurpose = 711,
  kPriorDataPurpose = 712,
  kAdapterHidingPurpose = 713,
};

/// Derives a seed from a run's seed, a purpose and an index (a batch, step or epoch). Seeds of
/// adjacent indices are unrelated.
inline uint64_t mix_seed(uint64_t seed, uint64_t purpose, uint64_t step) {
  return mix_bits(seed + 0x9E3779B97F4A7C15U * (purpose * 0x10001U) + step * 0xD1B54A32D192ED03U);
}

}  // namespace glm_image::train
