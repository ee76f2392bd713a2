#pragma once

#include <vector>

#include "train/training_config.h"

namespace glm_image::train {

/// One group of pictures of a sample grid: `pictures` of one size side by side.
struct SampleRow {
  int64_t width = 0, height = 0;
  int64_t pictures = 0;
  int64_t first = 0;  ///< position of the first one's example; the others follow
};

/// The rows of a run's sample grid: every size that is trained, the most frequent ones first, up to
/// kMostSampleSizes of them; with fewer than three sizes the first ones again. A row has up to
/// `pictures` pictures, fewer where they are large, and one at least.
std::vector<SampleRow> sample_rows(const std::vector<SizeShare>& sizes, int64_t pictures);

inline constexpr size_t kMostSampleSizes = 8;

}  // namespace glm_image::train
