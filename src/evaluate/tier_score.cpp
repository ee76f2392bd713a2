#include "evaluate/tier_score.h"

namespace glm_image::evaluate {

void TierScore::add(const PromptScore& score) {
  for (const auto& judgement : score.judgements) {
    auto& count = counts_[static_cast<std::size_t>(judgement.measure)];
    ++count.total;
    count.right += judgement.is_right;
  }
  similarities_.insert(similarities_.end(), score.similarities.begin(), score.similarities.end());
}

Proportion TierScore::of(const std::vector<Measure>& measures) const {
  Proportion sum;
  for (const auto measure : measures) {
    const auto count = counts_[static_cast<std::size_t>(measure)];
    sum.right += count.right;
    sum.total += count.total;
  }
  return sum;
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
