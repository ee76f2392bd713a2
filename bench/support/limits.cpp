#include "support/limits.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "kernels/quantised_matmul.h"
#include "nn/functional.h"
#include "nn/modules.h"
#include "nn/parameter.h"
#include "support/machine.h"

// Only the widest vectors read as fast as the memory allows.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define GLM_IMAGE_BENCH_CLONES [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define GLM_IMAGE_BENCH_CLONES
#endif

namespace glm_image::bench {
namespace {

GLM_IMAGE_BENCH_CLONES uint64_t sum(const uint64_t* values, int64_t count) {
  constexpr int64_t kSideBySide = 32;  // the compiler uses four or eight vectors
  uint64_t sums[kSideBySide] = {};
  for (int64_t i = 0; i + kSideBySide <= count; i += kSideBySide) {
    for (int64_t j = 0; j < kSideBySide; ++j) sums[j] += values[i + j];
  }
  uint64_t total = 0;
  for (const uint64_t part : sums) total += part;
  return total;
}

}  // namespace

MatmulRate measure_matmul(at::ScalarType type, at::Device device) {
  const torch::NoGradGuard no_grad;
  const auto options = at::TensorOptions().dtype(type).device(device);
  MatmulRate rate;
  struct Shape {
    int64_t rows, depth, columns;
  };
  for (const auto& [rows, depth, columns] :
       std::vector<Shape>{{4096, 4096, 4096}, {2048, 4096, 8192}, {2048, 16384, 4096}}) {
    const auto x = at::randn({rows, depth}).to(options);
    const auto weight = at::randn({columns, depth}).to(options);
    const auto transposed = weight.t();
    auto out = at::empty({rows, columns}, options);
    const auto measure = [&, flops = 2.0 * static_cast<double>(rows * depth * columns)](
                             const std::function<void()>& product) {
      return 1e-12 * flops / median_seconds(3, [&] {
               product();
               wait_for(out);
             });
    };
    rate.libtorch = std::max({rate.libtorch,
                              measure([&] { at::mm_out(out, x, transposed); }),
                              measure([&] { out = at::linear(x, weight); })});
    rate.ours = std::max(rate.ours, measure([&] { out = nn::linear(x, weight, Tensor()); }));
  }
  return rate;
}

double measure_read_bandwidth(at::Device device) {
  constexpr int64_t kBytes = int64_t{1} << 30;
  if (!device.is_cpu()) {
    const auto from = at::zeros({kBytes}, at::TensorOptions().dtype(at::kByte).device(device));
    auto to = at::empty_like(from);
    return 2e-9 * kBytes / median_seconds(9, [&] {
             to.copy_(from);
             wait_for(to);
           });
  }
  const std::vector<uint64_t> values(kBytes / sizeof(uint64_t), 1);
  std::atomic<uint64_t> total{0};
  const auto size = static_cast<int64_t>(values.size());
  return 1e-9 * kBytes / median_seconds(9, [&] {
           at::parallel_for(0, size, 1 << 20, [&](int64_t begin, int64_t end) {
             total += sum(values.data() + begin, end - begin);
           });
         });
}

WeightRead measure_weight_read(const torch::nn::Module& module) {
  constexpr int64_t kPiece = (int64_t{4} << 20) / sizeof(uint64_t);
  struct Piece {
    const uint64_t* values;
    int64_t count;
  };
  std::vector<Piece> pieces;
  int64_t total_count = 0;
  const auto add = [&](const void* data, int64_t bytes) {
    const auto* values = static_cast<const uint64_t*>(data);
    const int64_t count = bytes / static_cast<int64_t>(sizeof(uint64_t));
    for (int64_t at = 0; at < count; at += kPiece) {
      pieces.push_back({values + at, std::min(kPiece, count - at)});
    }
    total_count += count;
  };
  for (const auto& item : module.named_parameters()) {
    if (nn::is_unbound(item.value()) || item.key().find("embed") != std::string::npos) continue;
    add(item.value().data_ptr(), static_cast<int64_t>(item.value().nbytes()));
  }
  for (const auto& [name, layer] : nn::linear_layers(module)) {
    if (!layer->quantised) continue;
    const auto packed = layer->quantised->packed();
    add(packed.values, packed.panels() * packed.panel_bytes());
  }
  std::atomic<uint64_t> total{0};
  WeightRead read;
  read.bytes = static_cast<double>(total_count) * sizeof(uint64_t);
  read.seconds = median_seconds(5, [&] {
    std::atomic<size_t> next{0};
    at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
      for (size_t i = next++; i < pieces.size(); i = next++) {
        total += sum(pieces[i].values, pieces[i].count);
      }
    });
  });
  return read;
}

double measure_read_bandwidth(const torch::nn::Module& module) {
  const auto read = measure_weight_read(module);
  return 1e-9 * read.bytes / read.seconds;
}

}  // namespace glm_image::bench
