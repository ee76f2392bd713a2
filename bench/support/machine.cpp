#include "support/machine.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/cpu_level.h"
#include "core/cpu_threads.h"
#include "core/device.h"
#include "core/prefix.h"
#include "core/text_format.h"
#include "glm_image/error.h"
#include "io/safetensors.h"
#include "nn/cpu_kernels.h"
#include "nn/modules.h"
#include "nn/parameter.h"
#include "quant/quantise.h"

namespace glm_image::bench {
namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (starts_with(line, "model name")) return line.substr(line.find(':') + 2);
  }
  return "CPU of unknown model";
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(
      stderr,
      "usage: %s [--device NAME] [--layers N] [--weights bf16|float32|q8|q4] [--cpu-time]\n",
      program);
  std::exit(2);
}

/// Set by --cpu-time.
bool measures_cpu_time = false;

double now() {
  if (measures_cpu_time) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

}  // namespace

Arguments start(int argc, char** argv) {
  at::set_num_threads(cpu_threads(/*asked=*/0));
#if defined(__GLIBC__)
  // Otherwise each large tensor is a new mapping and costs a page fault per 4 KiB.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 0x7fffffff);
#endif
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--cpu-time") {
      measures_cpu_time = true;
      at::set_num_threads(1);
      --i;
      continue;
    }
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
    } else if (name == "--weights" &&
               (arguments.weights = argv[i + 1],
                arguments.weights == "bf16" || arguments.weights == "float32" ||
                    arguments.weights == "q8" || arguments.weights == "q4")) {
      continue;
    } else {
      usage(argv[0]);
    }
  }
  nn::follow_cpu_level();
  return arguments;
}

void print_machine(const std::string& bench, const Arguments& arguments, at::ScalarType type) {
  std::printf("%s: %s, %d of %u cores (%s), device %s, LibTorch %s, %s, weights %s\n",
              bench.c_str(),
              cpu_model().c_str(),
              at::get_num_threads(),
              std::thread::hardware_concurrency(),
              cpu_level_name(cpu_level()).c_str(),
              arguments.device.str().c_str(),
              TORCH_VERSION,
              c10::toString(type),
              arguments.weights.c_str());
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
  action();
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const double begin = now();
    action();
    seconds.push_back(now() - begin);
  }
  return median(seconds);
}

void quantise_layers(torch::nn::Module& module,
                     const Arguments& arguments,
                     const std::string& prefix) {
  if (arguments.weights != "q8" && arguments.weights != "q4") return;
  const torch::NoGradGuard no_grad;
  for (const auto& [name, layer] : nn::linear_layers(module)) {
    if (!starts_with(name, prefix)) continue;
    const int64_t out = layer->weight.size(0), in = layer->weight.size(1);
    const auto form = quant::parse_weight_form(arguments.weights, "--weights").for_inputs(in);
    const int64_t groups = form.group == 0 ? 1 : in / form.group;
    auto integers = at::empty({out, in}, at::kChar);
    auto scales = at::empty({out, groups}, at::kBFloat16);
    at::parallel_for(0, out, /*grain_size=*/8, [&](int64_t begin, int64_t end) {
      const auto values = layer->weight.narrow(0, begin, end - begin).to(at::kFloat).contiguous();
      quant::quantise_rows(values.data_ptr<float>(),
                           end - begin,
                           in,
                           form,
                           integers.data_ptr<int8_t>() + begin * in,
                           static_cast<uint16_t*>(scales.data_ptr()) + begin * groups);
    });
    const auto read = [&](int64_t first, int64_t rows, int8_t* values) {
      std::copy_n(integers.data_ptr<int8_t>() + first * in, rows * in, values);
    };
    layer->quantised = std::make_shared<nn::QuantisedMatrix>(
        nn::QuantisedForm{out, in, form.bits, in / groups, at::kBFloat16}, read, scales);
    layer->weight.set_data(nn::unbound_parameter(layer->weight.sizes(), layer->weight.options()));
  }
}

void map_weights(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const auto& item : module.named_parameters()) {
    if (nn::is_unbound(item.value()) || item.key().find("embed") != std::string::npos) continue;
    tensors.emplace_back(item.key(), item.value().detach());
  }
  static int number = 0;
  const auto path = std::filesystem::temp_directory_path() /
                    concat("bench-", ::getpid(), "-", number++, ".safetensors");
  io::write_safetensors(path, tensors, {});
  tensors.clear();
  const auto file = io::SafetensorsFile::open(path);
  std::filesystem::remove(path);  // the mapping stays
  for (auto& item : module.named_parameters()) {
    if (!file->header().tensors.count(item.key())) continue;
    item.value().set_data(file->tensor(item.key()));
  }
}

double bytes_of(const torch::nn::Module& module) {
  double bytes = 0;
  for (const auto& parameter : module.parameters()) {
    if (nn::is_unbound(parameter)) continue;
    bytes += static_cast<double>(parameter.numel() * parameter.element_size());
  }
  for (const auto& [name, layer] : nn::linear_layers(module)) {
    if (layer->quantised) bytes += static_cast<double>(layer->quantised->form().bytes());
  }
  return bytes;
}

void randomise(torch::nn::Module& module, at::Device device) {
  const torch::NoGradGuard no_grad;
  // Generating billions of random numbers would take minutes; repeating a few million is enough.
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
