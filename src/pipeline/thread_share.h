#pragma once

#include "core/processor_load.h"

namespace glm_image::pipeline {

/// Returns the number of threads to use while other programs keep `others` of `processors` busy:
/// one per remaining processor, at least 1 and at most `most`.
int threads_beside(double others, int processors, int most);

/// Within its scope, the calling thread computes with as many threads as other programs leave
/// processors for. OpenMP's threads synchronise many times in each step by busy waiting. A surplus
/// thread takes the processor from the thread that the others wait for, so two threads next to a
/// busy program can be slower than one.
class ThreadShare {
 public:
  /// `adapt`: false leaves the number of threads alone.
  explicit ThreadShare(bool adapt);
  /// Restores the number of threads.
  ~ThreadShare();
  ThreadShare(const ThreadShare&) = delete;
  ThreadShare& operator=(const ThreadShare&) = delete;

  /// Adapts the number of threads. Call it often, between steps whose results do not depend on that
  /// number.
  void update();
  /// Restores the number of threads for the following work: the summation order of LibTorch's
  /// convolutions depends on it.
  void hold();

 private:
  bool adapt_;
  int most_;
  ProcessorLoad load_;
};

}  // namespace glm_image::pipeline
