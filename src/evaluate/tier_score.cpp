#include "evaluate/tier_score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace glm_image::evaluate {

namespace {

Proportion proportion_of(const std::vector<PictureSum>& pictures) {
  Proportion all;
  for (const auto& picture : pictures) {
    all.right += std::llround(picture.sum);
    all.total += picture.count;
  }
  const bool all_alike = all.right == 0 || all.right == all.total;
  all.interval = all_alike ? wilson_interval(all.right, all.total) : bootstrap_interval(pictures);
  return all;
}

}  // namespace

void TierScore::add(const PromptScore& score) {
  auto& counts = pictures_.emplace_back();
  for (const auto& judgement : score.judgements) {
    auto& count = counts[static_cast<std::size_t>(judgement.measure)];
    ++count.count;
    count.sum += judgement.is_right ? 1 : 0;
  }
  const auto& likeness = score.similarities;
  similarities_.push_back({std::accumulate(likeness.begin(), likeness.end(), 0.0),
                           static_cast<int64_t>(likeness.size())});
}

Proportion TierScore::of(const std::vector<Measure>& measures) const {
  std::vector<PictureSum> sums;
  for (const auto& counts : pictures_) {
    auto& sum = sums.emplace_back();
    for (const auto measure : measures) {
      sum.sum += counts[static_cast<std::size_t>(measure)].sum;
      sum.count += counts[static_cast<std::size_t>(measure)].count;
    }
  }
  return proportion_of(sums);
}

Proportion TierScore::whole_pictures() const {
  std::vector<PictureSum> wholes;
  for (const auto& counts : pictures_) {
    const bool is_whole = std::all_of(counts.begin(), counts.end(), [](const PictureSum& sum) {
      return std::llround(sum.sum) == sum.count;
    });
    wholes.push_back({is_whole ? 1.0 : 0.0, 1});
  }
  return proportion_of(wholes);
}

const std::vector<ReportedScore>& reported_scores() {
  static const std::vector<ReportedScore> scores = {
      {"words", {Measure::kWordRead, Measure::kWordCompared}},
      {"words read", {Measure::kWordRead}},
      {"words compared", {Measure::kWordCompared}},
      {"pictograms", {Measure::kPictogram}},
      {"colours", {Measure::kBackgroundColour, Measure::kTextColour}},
      {"background colours", {Measure::kBackgroundColour}},
      {"text colours", {Measure::kTextColour}},
      {"places", {Measure::kTextPlace, Measure::kPictogramPlace}},
      {"text places", {Measure::kTextPlace}},
      {"pictogram places", {Measure::kPictogramPlace}},
  };
  return scores;
}

}  // namespace glm_image::evaluate
