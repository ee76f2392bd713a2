// Measures each operation of nn/functional.h at the sizes of the published model against its limit:
// the rate of a matrix product, or the memory bandwidth.

#include <cstdio>
#include <functional>

#include "nn/functional.h"
#include "support/limits.h"
#include "support/machine.h"

namespace {

using namespace glm_image;

constexpr int64_t kHidden = 4096, kHeads = 32, kHeadDim = 128;

struct Limits {
  double tera_flops, gigabytes;
};

class Report {
 public:
  Report(Limits limits, at::TensorOptions options) : limits_(limits), options_(options) {}

  Tensor random(at::IntArrayRef shape) const { return at::randn(shape).to(options_); }

  void compute_bound(const char* name, double flops, const std::function<Tensor()>& action) const {
    const double rate = 1e-12 * flops / seconds(action);
    std::printf("  %-58s %8.3f TFLOP/s  fraction of matrix product %.2f\n",
                name,
                rate,
                rate / limits_.tera_flops);
  }

  void memory_bound(const char* name, double bytes, const std::function<Tensor()>& action) const {
    const double rate = 1e-9 * bytes / seconds(action);
    std::printf("  %-58s %8.1f GB/s     fraction of bandwidth %.2f\n",
                name,
                rate,
                rate / limits_.gigabytes);
  }

 private:
  static double seconds(const std::function<Tensor()>& action) {
    return bench::median_seconds(7, [&] { bench::wait_for(action()); });
  }

  Limits limits_;
  at::TensorOptions options_;
};

void products(const Report& report) {
  for (const int64_t rows : {128, 1088, 4160}) {
    for (const auto& [in, out] : {std::pair{kHidden, kHidden},
                                  std::pair{kHidden, 4 * kHidden},
                                  std::pair{4 * kHidden, kHidden}}) {
      const auto x = report.random({rows, in}), weight = report.random({out, in}),
                 bias = report.random({out});
      char name[80];
      std::snprintf(name,
                    sizeof(name),
                    "linear %ld x %ld -> %ld",
                    static_cast<long>(rows),
                    static_cast<long>(in),
                    static_cast<long>(out));
      report.compute_bound(name, 2.0 * static_cast<double>(rows * in * out), [&] {
        return nn::linear(x, weight, bias);
      });
    }
  }
}

void decoding_products(const Report& report) {
  const auto bytes = [](const Tensor& weight) {
    return static_cast<double>(weight.numel() * weight.element_size());
  };
  for (const auto& [in, out] : {std::pair{kHidden, kHidden},
                                std::pair{kHidden, int64_t{27392}},
                                std::pair{int64_t{13696}, kHidden}}) {
    const auto x = report.random({1, in}), weight = report.random({out, in});
    char name[80];
    std::snprintf(
        name, sizeof(name), "linear 1 x %ld -> %ld", static_cast<long>(in), static_cast<long>(out));
    report.memory_bound(name, bytes(weight), [&] { return nn::linear(x, weight, Tensor()); });
  }
}

void attentions(const Report& report) {
  for (const int64_t tokens : {1088, 4160}) {
    const auto q = report.random({1, tokens, kHeads, kHeadDim}), k = report.random(q.sizes()),
               v = report.random(q.sizes());
    char name[80];
    std::snprintf(name, sizeof(name), "attention %ld tokens", static_cast<long>(tokens));
    report.compute_bound(name, 4.0 * static_cast<double>(tokens * tokens * kHidden), [&] {
      return nn::attention(q, k, v, {});
    });
  }
  const auto q = report.random({1, 1, kHeads, kHeadDim});
  for (const int64_t keys : {1400, 5000}) {
    const auto k = report.random({1, 6000, 2, kHeadDim}).narrow(1, 0, keys),
               v = report.random(k.sizes());
    nn::AttentionOptions options;
    options.causal = true;
    char name[80];
    std::snprintf(name,
                  sizeof(name),
                  "attention of a decoding step, %ld keys (cached)",
                  static_cast<long>(keys));
    report.memory_bound(name, 2.0 * static_cast<double>(k.numel() * k.element_size()), [&] {
      return nn::attention(q, k, v, options);
    });
  }
}

void elementwise(const Report& report) {
  const int64_t tokens = 4160;
  const auto x = report.random({1, tokens, kHidden}), y = report.random({1, tokens, kHidden}),
             row = report.random({1, kHidden}), wide = report.random({1, tokens, 4 * kHidden}),
             gates = report.random({1, 1024, 2 * 13696});
  const auto heads = x.view({1, tokens, kHeads, kHeadDim});
  const auto angles = at::randn({tokens, kHeadDim}).to(x.device());
  const auto bytes = [](const Tensor& t) {
    return static_cast<double>(t.numel() * t.element_size());
  };
  report.memory_bound("modulated_layer_norm (read and write)", 2 * bytes(x), [&] {
    return nn::modulated_layer_norm(x, row, row, 1e-5);
  });
  report.memory_bound("gated_residual (read twice and write)", 3 * bytes(x), [&] {
    return nn::gated_residual(x, y, row);
  });
  report.memory_bound("head_norm_rotary (read and write)", 2 * bytes(x), [&] {
    return nn::head_norm_rotary(heads, angles, angles, 0, 1e-5);
  });
  report.memory_bound(
      "rms_norm (read and write)", 2 * bytes(x), [&] { return nn::rms_norm(x, row[0], 1e-5); });
  report.memory_bound(
      "gelu_tanh (read and write)", 2 * bytes(wide), [&] { return nn::gelu_tanh(wide); });
  report.memory_bound(
      "silu_gate (read twice and write)", 1.5 * bytes(gates), [&] { return nn::silu_gate(gates); });
}

void run(const bench::Arguments& arguments, at::ScalarType type) {
  bench::print_machine("bench_kernels", arguments, type);
  const auto print_limits = [&](const char* when) {
    const auto product = bench::measure_matmul(type, arguments.device);
    const double bandwidth = bench::measure_read_bandwidth(arguments.device);
    std::printf(
        "limits %s: matrix product %.3f TFLOP/s (LibTorch %.3f, ours %.3f), read %.1f GB/s\n",
        when,
        product.limit(),
        product.libtorch,
        product.ours,
        bandwidth);
    return Limits{product.limit(), bandwidth};
  };
  const Limits limits = print_limits("before");
  const Report report(limits, at::TensorOptions().dtype(type).device(arguments.device));
  products(report);
  decoding_products(report);
  attentions(report);
  elementwise(report);
  print_limits("after");
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::start(argc, argv);
  const torch::NoGradGuard no_grad;
  run(arguments, at::kBFloat16);
  return 0;
}
