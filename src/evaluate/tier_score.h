#pragma once

#include <array>

#include "evaluate/intervals.h"
#include "evaluate/picture_scorer.h"

namespace glm_image::evaluate {

struct Proportion {
  int64_t right = 0;
  int64_t total = 0;
  Interval interval;

  /// Returns 0 if `total` is 0.
  double share() const {
    return total == 0 ? 0 : static_cast<double>(right) / static_cast<double>(total);
  }
};

/// Counts the judgements of many pictures.
class TierScore {
 public:
  void add(const PromptScore& score);

  /// Returns the proportion of right judgements of these measures together. The interval is a
  /// bootstrap over pictures, or Wilson's if all judgements are right or all are wrong, because
  /// then every resample is the same.
  Proportion of(const std::vector<Measure>& measures) const;
  /// The proportion of pictures in which all judgements are right.
  Proportion whole_pictures() const;
  /// The similarities of all words of the texts, by picture.
  const std::vector<PictureSum>& similarities() const { return similarities_; }

 private:
  std::vector<std::array<PictureSum, kMeasureCount>> pictures_;
  std::vector<PictureSum> similarities_;
};

/// A row of a report: one measure or the sum of several.
struct ReportedScore {
  const char* name;
  std::vector<Measure> measures;
};
const std::vector<ReportedScore>& reported_scores();

}  // namespace glm_image::evaluate
