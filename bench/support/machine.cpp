#include "support/machine.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/cpu_threads.h"
#include "core/device.h"
#include "glm_image/error.h"

namespace glm_image::bench {
namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "CPU of unknown model";
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr, "usage: %s [--device NAME] [--layers N]\n", program);
  std::exit(2);
}

}  // namespace

Arguments start(int argc, char** argv) {
  at::set_num_threads(cpu_threads(/*asked=*/0));
#if defined(__GLIBC__)
  // Otherwise each large tensor is mapped anew and costs a page fault per 4 KiB.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 0x7fffffff);
#endif
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) usage(argv[0]);
    if (name == "--device") {
      try {
        arguments.device = parse_device(argv[i + 1]);
      } catch (const Error& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        std::exit(2);
      }
    } else if (name == "--layers" && std::atoi(argv[i + 1]) > 0) {
      arguments.layers = std::atoi(argv[i + 1]);
    } else {
      usage(argv[0]);
    }
  }
  return arguments;
}

void print_machine(const std::string& bench, const Arguments& arguments, at::ScalarType type) {
  std::printf("%s: %s, %d of %u cores, device %s, LibTorch %s, %s\n",
              bench.c_str(),
              cpu_model().c_str(),
              at::get_num_threads(),
              std::thread::hardware_concurrency(),
              arguments.device.str().c_str(),
              TORCH_VERSION,
              c10::toString(type));
}

void wait_for(const Tensor& tensor) {
  tensor.flatten().narrow(0, 0, 1).to(at::kCPU);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double median_seconds(int repetitions, const std::function<void()>& action) {
  using Clock = std::chrono::steady_clock;
  action();
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const auto begin = Clock::now();
    action();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return median(seconds);
}

void randomise(torch::nn::Module& module, at::Device device) {
  const torch::NoGradGuard no_grad;
  // Drawing billions of numbers would take minutes; a few million, repeated, serve as well.
  const auto pool = at::randn({1 << 22});
  for (auto& parameter : module.parameters()) {
    const int64_t count = parameter.numel();
    const double scale = 1 / std::sqrt(static_cast<double>(parameter.size(-1)));
    const auto values = (pool * scale).to(parameter.scalar_type());
    auto filled = at::empty({count}, values.options());
    for (int64_t begin = 0; begin < count; begin += pool.numel()) {
      const int64_t size = std::min(pool.numel(), count - begin);
      filled.narrow(0, begin, size).copy_(values.narrow(0, 0, size));
    }
    parameter.set_data(filled.view(parameter.sizes()).to(device));
  }
}

}  // namespace glm_image::bench
