#pragma once

#include <functional>

#include "core/torch.h"

namespace glm_image::train {

/// The processes that train one model together, e.g. on several machines, and the collective
/// operations between them. All ranks call the same operations in the same order, with tensors of
/// the same shape and type. The trainer knows no network: src/cluster implements the interface.
///
/// An operation throws Error when a rank is lost; the run must then end on all ranks. Tensors may
/// be on any device.
class Ranks {
 public:
  /// Waits for an operation to end; throws what the operation threw.
  using Wait = std::function<void()>;

  virtual ~Ranks() = default;
  /// 0 … size() − 1. Rank 0 owns the run's folder.
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Begins to overwrite the tensor by the sum over all ranks; float32, float64 or int64. The
  /// tensor must be contiguous, and must not be used before the result was called. All ranks get
  /// the same bits. May be called by another thread than the other operations, not concurrently.
  virtual Wait begin_all_reduce(Tensor tensor) = 0;
  /// Overwrites the tensor, of any type, by that of rank 0.
  virtual void broadcast(Tensor tensor) = 0;

  void all_reduce(const Tensor& tensor) { begin_all_reduce(tensor)(); }
  /// Waits for all ranks.
  void barrier() { all_reduce(at::zeros({1}, at::kLong)); }
};

/// A process that trains alone. Its operations do nothing.
class OneRank : public Ranks {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  Wait begin_all_reduce(Tensor /*tensor*/) override {
    return [] {};
  }
  void broadcast(Tensor /*tensor*/) override {}
};

}  // namespace glm_image::train
