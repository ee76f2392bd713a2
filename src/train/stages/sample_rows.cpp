#include "train/stages/sample_rows.h"

#include <algorithm>

namespace glm_image::train {

std::vector<SampleRow> sample_rows(const std::vector<SizeShare>& sizes, int64_t pictures) {
  constexpr size_t kLeastRows = 3;
  // Rows of pictures up to 1024×1024 are full. Larger pictures would take minutes and gigabytes.
  constexpr int64_t kFullRowPixels = int64_t{1024} * 1024;
  std::vector<SizeShare> trained;
  for (const auto& size : sizes) {
    if (size.share == 0) continue;
    const auto same = std::find_if(trained.begin(), trained.end(), [&](const SizeShare& other) {
      return other.width == size.width && other.height == size.height;
    });
    if (same == trained.end()) {
      trained.push_back(size);
    } else {
      same->share += size.share;
    }
  }
  std::stable_sort(trained.begin(), trained.end(), [](const SizeShare& a, const SizeShare& b) {
    return a.share > b.share;
  });
  trained.resize(std::min(trained.size(), kMostSampleSizes));

  std::vector<SampleRow> rows;
  int64_t first = 0;
  for (size_t i = 0; i < std::max(trained.size(), kLeastRows); ++i) {
    const auto& size = trained[i % trained.size()];
    const int64_t fitting = pictures * kFullRowPixels / (size.width * size.height);
    const auto count = std::clamp<int64_t>(fitting, 1, pictures);
    rows.push_back({size.width, size.height, count, first});
    first += count;
  }
  return rows;
}

}  // namespace glm_image::train
