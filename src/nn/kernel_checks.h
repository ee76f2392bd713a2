#pragma once

#include <string>
#include <vector>

/// Checks of the CPU kernels on this machine, for bug reports.
namespace glm_image::nn {

/// One operation in one form, compared with plain code in float64 on the same inputs.
struct KernelCheck {
  std::string form;       ///< the level of core/cpu_level
  std::string operation;  ///< with its number type: "attention, bfloat16"
  double error = 0;    ///< largest difference, relative to the largest value; NaN counts as wrong
  double allowed = 0;  ///< rounding of the number type

  bool is_right() const { return error <= allowed; }
};

/// Computes every operation that has a kernel, in every form that this CPU can run. Takes a second
/// or two. Changes the process's form while it runs (limit_cpu): not thread-safe.
std::vector<KernelCheck> check_kernels();

/// Describes in words which of LibTorch's bfloat16 convolutions are wrong on this CPU. The library
/// computes these in float32 (nn/convolution.h).
std::string convolution_faults();

}  // namespace glm_image::nn
