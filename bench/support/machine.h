#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/torch.h"

namespace glm_image::bench {

/// The command-line arguments of the benches.
struct Arguments {
  at::Device device = at::kCPU;
  int64_t layers = 0;  ///< blocks or layers to build; 0 for a number that fits into memory
  std::string weights = "bf16";  ///< of linear layers: bf16, float32 (of everything), q8 or q4

  at::ScalarType type() const { return weights == "float32" ? at::kFloat : at::kBFloat16; }
};

/// Parses `--device NAME`, `--layers N`, `--weights FORM` and `--cpu-time`, which computes with one
/// thread and measures the time that this thread computes: on a busy machine ratios of these times
/// mean more than those of seconds that passed. Prints the usage and exits for other arguments.
/// Also makes LibTorch use every core, unless OMP_NUM_THREADS is set, and keeps freed memory.
Arguments start(int argc, char** argv);

/// Prints one line: the processor, cores in use, device, LibTorch's version and the data type.
void print_machine(const std::string& bench, const Arguments& arguments, at::ScalarType type);

/// Waits until the device has computed the tensor.
void wait_for(const Tensor& tensor);

double median(std::vector<double> values);

/// Returns the median duration of `repetitions` calls in seconds, after one call to warm up.
double median_seconds(int repetitions, const std::function<void()>& action);

/// Replaces the weights of all linear layers whose names begin with `prefix` by quantised ones, if
/// `arguments` ask for them.
void quantise_layers(torch::nn::Module& module,
                     const Arguments& arguments,
                     const std::string& prefix);

/// Writes a module's weights, but for embeddings, to a temporary file and replaces them by views of
/// its mapping, which is where a checkpoint's are on the CPU.
void map_weights(torch::nn::Module& module);

/// Returns the size of the module's weights in memory.
double bytes_of(const torch::nn::Module& module);

/// Allocates every unbound parameter of a module with random values of about 1/√inputs.
void randomise(torch::nn::Module& module, at::Device device);

}  // namespace glm_image::bench
