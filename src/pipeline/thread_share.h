#pragma once

#include "core/processor_load.h"

namespace glm_image::pipeline {

/// Threads to compute with where others keep `others` of `processors` busy: one for each processor
/// that is left, at least 1 and at most `most`.
int threads_beside(double others, int processors, int most);

/// While it lives, the calling thread computes with as many threads as other programs leave
/// processors for. OpenMP's threads wait for one another many times in each step, and burn their
/// processor meanwhile: a thread too many takes the processor from the very thread that the others
/// wait for, so that two threads beside another busy program are slower than one.
class ThreadShare {
 public:
  /// `adapt`: false leaves the number of threads alone.
  explicit ThreadShare(bool adapt);
  /// As many threads as before.
  ~ThreadShare();
  ThreadShare(const ThreadShare&) = delete;
  ThreadShare& operator=(const ThreadShare&) = delete;

  /// To be called often, between steps whose results do not depend on the number of threads.
  void update();
  /// As many threads as before, for what follows: convolutions of LibTorch sum in an order that
  /// depends on the number of threads.
  void hold();

 private:
  bool adapt_;
  int most_;
  ProcessorLoad load_;
};

}  // namespace glm_image::pipeline
