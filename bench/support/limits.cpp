#include "support/limits.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <vector>

#include "nn/functional.h"
#include "support/machine.h"

// Reading takes the widest vectors to be as fast as the memory.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define GLM_IMAGE_BENCH_CLONES [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define GLM_IMAGE_BENCH_CLONES
#endif

namespace glm_image::bench {
namespace {

GLM_IMAGE_BENCH_CLONES uint64_t sum(const uint64_t* values, int64_t count) {
  constexpr int64_t kSideBySide = 32;  // which the compiler makes four or eight vectors of
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

}  // namespace glm_image::bench
