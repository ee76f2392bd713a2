#include "support/limits.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "nn/functional.h"
#include "support/machine.h"

namespace glm_image::bench {

MatmulRate measure_matmul(at::ScalarType type, at::Device device) {
  const torch::NoGradGuard no_grad;
  const auto options = at::TensorOptions().dtype(type).device(device);
  const auto random = [&](int64_t rows, int64_t columns) {
    return at::randn({rows, columns}).to(options);
  };
  MatmulRate rate;
  struct Shape {
    int64_t rows, depth, columns;
  };
  for (const auto& [rows, depth, columns] :
       std::vector<Shape>{{4096, 4096, 4096}, {2048, 4096, 8192}, {2048, 16384, 4096}}) {
    const auto x = random(rows, depth), weight = random(columns, depth);
    const auto transposed = weight.t();
    auto out = at::empty({rows, columns}, options);
    const double tera = 2e-12 * static_cast<double>(rows * depth * columns);
    const auto measure = [&](const std::function<void()>& action) {
      return tera / median_seconds(3, action);
    };
    rate.libtorch = std::max({rate.libtorch,
                              measure([&] {
                                at::mm_out(out, x, transposed);
                                wait_for(out);
                              }),
                              measure([&] {
                                out = at::linear(x, weight);
                                wait_for(out);
                              })});
    rate.ours = std::max(rate.ours, measure([&] {
                           out = nn::linear(x, weight, Tensor());
                           wait_for(out);
                         }));
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
  return 1e-9 * kBytes / median_seconds(9, [&] {
           at::parallel_for(
               0, static_cast<int64_t>(values.size()), 1 << 20, [&](int64_t begin, int64_t end) {
                 // Sums side by side, which the compiler makes vectors of.
                 uint64_t sums[32] = {};
                 for (int64_t i = begin; i + 32 <= end; i += 32) {
                   for (int64_t j = 0; j < 32; ++j) sums[j] += values[i + j];
                 }
                 for (const uint64_t sum : sums) total += sum;
               });
         });
}

}  // namespace glm_image::bench
