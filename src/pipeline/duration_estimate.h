#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>

#include "glm_image/pipeline.h"
#include "glm_image/request.h"
#include "io/json_file.h"
#include "pipeline/pace.h"

namespace glm_image::pipeline {

/// Predicts how long a request takes from how long earlier ones took. Each part of the time has a
/// number of units, its work, and a rate in seconds per unit, the running mean of the requests that
/// were learnt. The work counts condition pictures: the generator reads their tokens, the
/// transformer reads them once and attends to them at each evaluation, and the vision encoder and
/// the VAE read their pixels. Not synchronised.
///
/// Requests must be as Pipeline::check returned them. Their condition pictures may be gone, but not
/// condition_sizes.
class DurationEstimate {
 public:
  static constexpr std::size_t kPartCount = 5;
  /// Keys at which a token's attention takes the transformer as many operations as its matrices:
  /// 2·hidden for each key, 12·hidden² for the matrices of a block. Of the published model.
  static constexpr double kAttentionTokens = 6 * 4096;

  DurationEstimate() = default;
  /// `attention_tokens`: as kAttentionTokens, of another transformer.
  explicit DurationEstimate(double attention_tokens) : attention_tokens_(attention_tokens) {}

  /// Rates as to_json wrote them; what is missing or no positive number is not known.
  static DurationEstimate from_json(const io::Json& json,
                                    double attention_tokens = kAttentionTokens);
  io::Json to_json() const;

  /// Seconds of one stage; nothing before a request had it. Reading pictures is an exception: it
  /// is estimated from decoding until it was measured. Stages without a rate of their own are one,
  /// kReadingWeights.
  std::optional<double> seconds(const Request& request, Stage stage) const;
  /// Seconds of all stages; nothing before the first picture is drawn.
  std::optional<double> seconds(const Request& request) const;
  void learn(const Request& request, const Result& result);

 private:
  struct Rate {
    double seconds_per_unit = 0;
    bool known = false;
    void learn(double seconds, double units);
  };
  std::array<Rate, kPartCount> rates_;
  double attention_tokens_ = kAttentionTokens;
};

/// Estimates the remaining time of one run from its progress.
class TimeLeft {
 public:
  /// Both must outlive this.
  TimeLeft(const DurationEstimate& estimate, const Request& request);

  /// Seconds until everything is done. `now` is the current progress, and its stage began `elapsed`
  /// seconds ago. Returns nothing if a later stage's time is not known, or if the present stage has
  /// no pace yet and takes so much longer than expected that the estimate is evidently wrong.
  std::optional<double> seconds(const Progress& now, double elapsed);

 private:
  /// Seconds left of a stage that has a rate. `at_pace`: of the present stage, if known.
  std::optional<double> left_of(Stage stage, std::optional<double> at_pace) const;

  const DurationEstimate& estimate_;
  const Request& request_;
  Pace pace_;
  std::set<Stage> begun_;
  std::optional<Stage> present_;
  double present_elapsed_ = 0;
  std::map<Stage, double> spent_;  ///< seconds of earlier runs of a stage
};

}  // namespace glm_image::pipeline
