#pragma once

#include <array>

#include "evaluate/intervals.h"
#include "evaluate/picture_scorer.h"

namespace glm_image::evaluate {

struct Proportion {
  int64_t right = 0;
  int64_t total = 0;
  Interval interval;

  /// 0 when nothing was counted.
  double share() const {
    return total == 0 ? 0 : static_cast<double>(right) / static_cast<double>(total);
  }
};

/// The judgements of many pictures, counted.
class TierScore {
 public:
  void add(const PromptScore& score);

  /// Of these measures together. The interval is a bootstrap over pictures, but Wilson's where all
  /// judgements are right, or none: every sample would then be the same.
  Proportion of(const std::vector<Measure>& measures) const;
  /// Pictures in which everything asked for is right.
  Proportion whole_pictures() const;
  /// Of every word of the texts, by picture.
  const std::vector<PictureSum>& similarities() const { return similarities_; }

 private:
  std::vector<std::array<PictureSum, kMeasureCount>> pictures_;
  std::vector<PictureSum> similarities_;
};

/// What a report shows, in its order: one measure or the sum of several.
struct ReportedScore {
  const char* name;
  std::vector<Measure> measures;
};
const std::vector<ReportedScore>& reported_scores();

}  // namespace glm_image::evaluate
