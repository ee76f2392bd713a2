#pragma once

#include <array>

#include "evaluate/intervals.h"
#include "evaluate/picture_scorer.h"

namespace glm_image::evaluate {

struct Proportion {
  int64_t right = 0;
  int64_t total = 0;

  /// 0 when nothing was counted.
  double share() const {
    return total == 0 ? 0 : static_cast<double>(right) / static_cast<double>(total);
  }
  Interval interval() const { return wilson_interval(right, total); }
};

/// The judgements of many pictures, counted.
class TierScore {
 public:
  void add(const PromptScore& score);

  /// Of these measures together.
  Proportion of(const std::vector<Measure>& measures) const;
  /// One for each word of the texts.
  const std::vector<double>& similarities() const { return similarities_; }

 private:
  std::array<Proportion, kMeasureCount> counts_{};
  std::vector<double> similarities_;
};

/// What a report shows, in its order: one measure or the sum of several.
struct ReportedScore {
  const char* name;
  std::vector<Measure> measures;
};
const std::vector<ReportedScore>& reported_scores();

}  // namespace glm_image::evaluate
