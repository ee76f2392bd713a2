#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "train/ranks/ranks.h"
#include "train/weights/mixed_precision_adamw.h"

namespace glm_image::train {

/// Computes the gradients of a step and sums them over the ranks.
///
/// The accumulated float32 gradients are reduced in buckets of neighbouring parameters. A bucket's
/// reduction begins as soon as its last gradient of the step is there, while the backward pass
/// computes the others. Ranks must begin reductions in the same order: the first step takes the
/// reverse of the parameters' order, later ones the order in which rank 0 finished its buckets in
/// the first (Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating Data Parallel
/// Training", section 3.2).
///
/// With one rank there are no hooks and no buckets.
class GradientReducer {
 public:
  /// `weights` and `ranks` must outlive this.
  GradientReducer(MixedPrecisionAdamW& weights, Ranks& ranks, int64_t bucket_bytes);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Adds the gradients of `loss`, divided by `parts`, to the accumulated ones. `is_last`: no other
  /// call follows before finish().
  void backward(const Tensor& loss, int64_t parts, bool is_last);
  /// Waits until the accumulated gradients of all ranks are summed. Collective; a rank that
  /// computed no gradient calls it too.
  void finish();

 private:
  struct Bucket {
    int64_t begin = 0, end = 0;  ///< in the accumulated gradients
    int64_t parameters = 0;
    int64_t missing = 0;  ///< parameters whose last gradient of the step is not there yet
  };
  struct Hook {
    Tensor parameter, gradient;  ///< `gradient`: a view of the accumulated ones
    size_t bucket = 0;
    unsigned id = 0;
    bool is_done = false;
  };

  void make_buckets(int64_t bucket_bytes);
  void on_gradient(Hook& hook, const Tensor& gradient);
  void begin_complete();
  void begin_next();
  void learn_order();

  MixedPrecisionAdamW& weights_;
  Ranks& ranks_;
  std::vector<Bucket> buckets_;
  std::vector<Hook> hooks_;
  std::vector<size_t> order_;     ///< in which the buckets are reduced
  std::vector<size_t> observed_;  ///< in which they were completed in this step
  bool has_learnt_order_ = false;
  /// Guards the hooks, which autograd threads call concurrently.
  std::mutex mutex_;
  double scale_ = 1;
  bool is_last_ = false;
  std::vector<Ranks::Wait> pending_;
};

}  // namespace glm_image::train
