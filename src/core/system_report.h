#pragma once

#include <string>

namespace glm_image {

/// What a bug report should say about the machine: the version of LibTorch that the program was
/// compiled with, the processor, the forms of kernels (core/cpu_level) and which one is in use, and
/// the number of threads. Several lines. Does not need LibTorch at run time. Throws kInvalidInput
/// where $GLM_IMAGE_CPU names no form of this CPU.
std::string system_report();

}  // namespace glm_image
