#pragma once

#include <cstdint>
#include <vector>

#include "train/weights/mixed_precision_adamw.h"

namespace glm_image::train {

/// Exponential moving average (EMA) of the master weights of an optimizer, in float32. Sample grids
/// and written components use it in place of the last step's weights.
class ExponentialMovingAverage {
 public:
  /// `optimizer` must outlive this. Before reset() or a loaded state, the average is zero.
  /// `decay` 0: the average is the master weights.
  ExponentialMovingAverage(MixedPrecisionAdamW& optimizer, double decay);

  /// Starts the average from the master weights.
  void reset();
  /// To be called after each step that the optimizer took: average = d·average + (1 − d)·master,
  /// with d = min(decay, (1 + n)/(10 + n)) after n steps.
  void update();
  /// Copies the average into the modules, until MixedPrecisionAdamW::use_masters.
  void copy_to_modules();

  /// The averages as views: "average.NAME".
  NamedTensors state() const;
  /// The same as one flat buffer.
  const Tensor& buffer() const { return average_; }

  /// Bytes that the average of these modules takes.
  static int64_t bytes_for(const std::vector<TrainedModule>& modules);

 private:
  MixedPrecisionAdamW& optimizer_;
  double decay_;
  Tensor average_;
};

}  // namespace glm_image::train
