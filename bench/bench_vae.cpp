// Decoding and encoding with a VAE of the published sizes, on random weights: seconds, TFLOP/s and
// peak memory in bfloat16 and in float32, as `--vae-dtype` chooses between them.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/cpu_threads.h"
#include "core/memory.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "models/autoencoder/operations.h"
#include "support/machine.h"

namespace {

using namespace glm_image;

models::AutoencoderConfig published_config() {
  models::AutoencoderConfig config;
  config.in_channels = config.out_channels = 3;
  config.latent_channels = 16;
  config.block_out_channels = {128, 512, 1024, 1024};
  config.layers_per_block = 3;
  config.norm_num_groups = 32;
  config.latents_mean.assign(16, 0.0);
  config.latents_std.assign(16, 1.0);
  return config;
}

template <typename Action>
void measure(const char* what, int64_t side, at::ScalarType type, double flops, Action action) {
  reset_peak_resident_bytes();
  const auto before = peak_resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  const Tensor result = action();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%ldx%ld %s in %s: %.1f s, %.1f TFLOP, %.3f TFLOP/s, %.2f GB beside the weights%s\n",
              static_cast<long>(side),
              static_cast<long>(side),
              what,
              type == at::kFloat ? "float32" : "bfloat16",
              took.count(),
              1e-12 * flops,
              1e-12 * flops / took.count(),
              1e-9 * static_cast<double>(peak_resident_bytes() - before),
              result.isfinite().all().item<bool>() ? "" : " (not finite)");
  std::fflush(stdout);
}

void measure_both(const models::AutoencoderConfig& config, int64_t side, at::ScalarType type) {
  models::AutoencoderKL model(config, at::TensorOptions(type));
  bench::randomise(*model, at::kCPU);
  const int64_t cells = side / config.scale_factor();
  const auto latents = at::randn({1, config.latent_channels, cells, cells});
  const auto picture = at::randn({1, config.in_channels, side, side});
  measure("decoding", side, type, models::decoding_operations(config, side, side), [&] {
    return model->decode(latents);
  });
  measure("encoding", side, type, models::encoding_operations(config, side, side), [&] {
    return model->encode(picture).mean;
  });
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr, "usage: %s [--bfloat16-only] [SIDE...]\n", program);
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  bool narrow_only = false;
  std::vector<int64_t> sides;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--bfloat16-only") {
      narrow_only = true;
      continue;
    }
    const int64_t side = std::atoi(argv[i]);
    if (side < 32 || side > 4096 || side % 32 != 0) usage(argv[0]);
    sides.push_back(side);
  }
  if (sides.empty()) sides = {256, 512};
  // Not bench::start, which keeps freed memory: here the peak counts.
  at::set_num_threads(cpu_threads(/*asked=*/0));
  const torch::NoGradGuard no_grad;
  bench::print_machine("bench_vae", {}, at::kBFloat16);
  const auto config = published_config();
  for (const int64_t side : sides) {
    measure_both(config, side, at::kBFloat16);
    if (!narrow_only) measure_both(config, side, at::kFloat);
  }
  return 0;
}
