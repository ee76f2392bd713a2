#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/torch.h"

namespace glm_image::bench {

/// What the benches take from the command line.
struct Arguments {
  at::Device device = at::kCPU;
  int64_t layers = 0;  ///< blocks or layers to build; 0 for what fits comfortably
};

/// Reads `--device NAME` and `--layers N`; prints the usage and exits on anything else. Also lets
/// LibTorch use every core, unless OMP_NUM_THREADS says otherwise, and keeps freed memory.
Arguments start(int argc, char** argv);

/// One line: what the machine is, cores in use, LibTorch's version, the type of the numbers.
void print_machine(const std::string& bench, const Arguments& arguments, at::ScalarType type);

/// Waits until the device has computed the tensor.
void wait_for(const Tensor& tensor);

double median(std::vector<double> values);

/// Median of the seconds that `repetitions` calls take each, after one that is not counted.
double median_seconds(int repetitions, const std::function<void()>& action);

/// Gives every parameter of a module without storage random values of about 1/√inputs.
void randomise(torch::nn::Module& module, at::Device device);

}  // namespace glm_image::bench
