// Measures loading an adapter of rank 16 for all attention layers at the published sizes: the time
// to open it and to attach it, and the memory that this takes. The model has no weights: whatever
// copied one would show in the memory.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter_file.h"
#include "core/seconds_since.h"
#include "io/safetensors.h"
#include "models/layout.h"
#include "nn/low_rank_update.h"
#include "nn/modules.h"
#include "support/machine.h"
#include "support/published.h"

namespace {

using namespace glm_image;

constexpr int64_t kRank = 16;
constexpr double kMegabyte = 1e6;

/// Bytes of this process's memory that belong to no file; 0 where they cannot be read.
double own_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kibibytes = 0;
    if (word == "RssAnon:" && status >> kibibytes) return 1024 * kibibytes;
  }
  return 0;
}

double seconds_of(const std::function<void()>& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return seconds_since(begin);
}

struct Part {
  const char* component;
  torch::nn::Module& module;
  const char* attention;  ///< in the names of its attention layers
};

/// Adds the factors of a part's attention layers and returns the bytes of the layers' weights.
double add_factors(const Part& part,
                   std::vector<std::pair<std::string, Tensor>>& tensors,
                   at::ScalarType type) {
  double bytes = 0;
  for (const auto& [name, layer] : nn::linear_layers(part.module)) {
    if (name.find(part.attention) == std::string::npos) continue;
    const int64_t out = layer->weight.size(0), in = layer->weight.size(1);
    const auto key = std::string(part.component) + '.' + name;
    tensors.emplace_back(key + ".lora_A.weight", (at::randn({kRank, in}) / 64).to(type));
    tensors.emplace_back(key + ".lora_B.weight", (at::randn({out, kRank}) / 64).to(type));
    bytes += static_cast<double>(out * in) * static_cast<double>(c10::elementSize(type));
  }
  return bytes;
}

void measure(const std::vector<Part>& parts, at::ScalarType type, at::ScalarType stored) {
  double weights = 0;
  const auto file = std::filesystem::temp_directory_path() / "glm_image_bench_adapters.safetensors";
  {
    std::vector<std::pair<std::string, Tensor>> tensors;
    for (const auto& part : parts) weights += add_factors(part, tensors, stored);
    io::write_safetensors(file, tensors, {});
  }
  adapters::AdapterTargets targets;
  targets.set_transformer(parts[0].component, parts[0].module);
  targets.set_generator(parts[1].component, parts[1].module);
  const double before = own_bytes();
  std::optional<adapters::AdapterFile> adapter;
  const double open = seconds_of([&] { adapter = adapters::AdapterFile::open(file, targets); });
  const auto attach = [&] {
    for (const auto& part : parts) {
      nn::detach_updates(part.module);
      adapter->attach_to(part.module, part.component, /*scale=*/1);
    }
  };
  const double first = seconds_of(attach), again = seconds_of(attach);
  std::printf(
      "%s adapter, %s model: %zu layers, %.1f MB; open %.3f s, attach %.3f s, again %.3f s; memory "
      "%.1f MB (weights of these layers: %.0f MB)\n",
      at::toString(stored),
      at::toString(type),
      adapter->layers().size(),
      static_cast<double>(adapter->bytes()) / kMegabyte,
      open,
      first,
      again,
      (own_bytes() - before) / kMegabyte,
      weights / kMegabyte);
  for (const auto& part : parts) nn::detach_updates(part.module);
  std::filesystem::remove(file);
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::start(argc, argv);
  const torch::NoGradGuard no_grad;
  const auto type = arguments.type();
  bench::print_machine("bench_adapters", arguments, type);
  const at::TensorOptions options(type);
  models::GlmImageTransformer2DModel transformer(bench::published_transformer(), options);
  models::GlmImageTextModel generator(bench::published_generator(), options);
  const std::vector<Part> parts = {{models::kTransformer, *transformer, ".attn1."},
                                   {models::kVisionLanguage, *generator, ".self_attn."}};
  // Of the model's type, as views of the file, and of another one, which is converted.
  measure(parts, type, type);
  measure(parts, type, at::kFloat);
}
