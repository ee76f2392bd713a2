#pragma once

#include <vector>

#include "train/data/training_data.h"

namespace glm_image::train {

/// A row of a sample grid: `pictures` pictures of one size, side by side.
struct SampleRow {
  int64_t width = 0, height = 0;
  int64_t pictures = 0;
  int64_t first = 0;  ///< position of the first example; the others follow it
};

/// Returns the rows of a run's sample grid: one per trained size, by descending share, at most
/// kMostSampleSizes. With fewer than three sizes they repeat to give three rows. A row has 1 to
/// `pictures` pictures; fewer if they are large.
std::vector<SampleRow> sample_rows(const std::vector<SizeShare>& sizes, int64_t pictures);

inline constexpr size_t kMostSampleSizes = 8;

}  // namespace glm_image::train
