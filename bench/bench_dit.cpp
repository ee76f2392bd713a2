// Measures one evaluation of the DiT at the published width, on random bfloat16 weights, for
// pictures of 512 and 1024 pixels: TFLOP/s as a fraction of a large matrix product measured in the
// same run.

#include <cstdio>
#include <vector>

#include "support/limits.h"
#include "support/machine.h"
#include "support/published.h"

namespace {

using namespace glm_image;

constexpr int64_t kTextTokens = 64;
constexpr int kRounds = 3;

/// Operations of the matrix products, including attention: two per multiplication.
struct Flops {
  double once = 0, per_block = 0;
  double total(int64_t blocks) const { return once + static_cast<double>(blocks) * per_block; }
};

Flops count(const models::TransformerConfig& config, int64_t image_tokens) {
  const auto c = static_cast<double>(config.hidden_size());
  const auto temb = static_cast<double>(config.time_embed_dim);
  const auto image = static_cast<double>(image_tokens), text = static_cast<double>(kTextTokens);
  const double tokens = image + text;
  const auto patch =
      static_cast<double>(config.in_channels * config.patch_size * config.patch_size);
  Flops flops;
  flops.per_block = 2 * tokens * 4 * c * c     // q, k, v, out
                    + 4 * tokens * tokens * c  // scores and weighted values
                    + 2 * tokens * 8 * c * c   // feed-forward
                    + 2 * temb * 12 * c;       // modulation
  flops.once = 2 * image * patch * c           // patches
               + 2 * image * 2 * c * c         // prior
               + 2 * text * (static_cast<double>(config.text_embed_dim) * c + c * c)  // glyphs
               + 2 * (4 * static_cast<double>(config.condition_dim) * temb + 3 * temb * temb) +
               2 * temb * 2 * c + 2 * image * c * patch;  // conditioning, output
  return flops;
}

models::TransformerInput random_input(int64_t pixels, at::Device device) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  const int64_t cells = pixels / 8;
  models::TransformerInput input;
  // Random numbers are made on the CPU, because a plugin's device may have no generator.
  input.latents = at::randn({1, 16, cells, cells}).to(device);
  input.glyphs = at::randn({1, kTextTokens, 1472}).to(device);
  input.prior_ids = at::randint(16384, {1, cells * cells / 4}, at::kLong).to(device);
  input.prior_drop = at::zeros({1}, options.dtype(at::kBool));
  input.timestep = at::full({1}, 500, options);
  input.target_size = at::full({1, 2}, static_cast<double>(pixels), options);
  input.crop = at::zeros({1, 2}, options);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::start(argc, argv);
  const torch::NoGradGuard no_grad;
  const int64_t blocks = arguments.layers > 0 ? arguments.layers : 3;
  bench::print_machine("bench_dit", arguments, arguments.type());
  const auto config = bench::published_transformer(blocks);
  models::GlmImageTransformer2DModel model(
      config, at::TensorOptions().dtype(arguments.type()).device(arguments.device));
  bench::randomise(*model, arguments.device);
  // The same blocks in the type that the weights are compared with.
  models::GlmImageTransformer2DModel plain(
      config, at::TensorOptions().dtype(arguments.type()).device(arguments.device));
  const bool quantised = arguments.weights == "q8" || arguments.weights == "q4";
  if (quantised) {
    bench::randomise(*plain, arguments.device);
    bench::quantise_layers(*model, arguments, "transformer_blocks.");
  }

  for (const int64_t pixels : {512, 1024}) {
    const auto input = random_input(pixels, arguments.device);
    const auto flops = count(config, input.prior_ids.size(1));
    std::printf("%ld x %ld pixels, %ld image + %ld text tokens, %ld blocks of width %ld\n",
                static_cast<long>(pixels),
                static_cast<long>(pixels),
                static_cast<long>(input.prior_ids.size(1)),
                static_cast<long>(kTextTokens),
                static_cast<long>(blocks),
                static_cast<long>(config.hidden_size()));
    // The speed of a shared machine drifts, so the limit is measured before and after each run.
    std::vector<double> rates, fractions, ratios;
    auto before = bench::measure_matmul(arguments.type(), arguments.device);
    for (int round = 0; round < kRounds; ++round) {
      const double seconds =
          bench::median_seconds(1, [&] { bench::wait_for(model->forward(input)); });
      if (quantised) {
        const double plain_seconds =
            bench::median_seconds(1, [&] { bench::wait_for(plain->forward(input)); });
        ratios.push_back(plain_seconds / seconds);
      }
      const auto after = bench::measure_matmul(arguments.type(), arguments.device);
      const double peak = (before.limit() + after.limit()) / 2;
      rates.push_back(1e-12 * flops.total(blocks) / seconds);
      fractions.push_back(rates.back() / peak);
      std::printf(
          "  %.3f TFLOP/s in %.2f s; matrix product before %.3f (LibTorch %.3f), after %.3f "
          "(%.3f)\n",
          rates.back(),
          seconds,
          before.limit(),
          before.libtorch,
          after.limit(),
          after.libtorch);
      before = after;
    }
    const double rate = bench::median(rates);
    std::printf("  %.3f TFLOP/s, fraction of peak %.2f\n", rate, bench::median(fractions));
    if (quantised) {
      std::printf("  %s: %.2f times the rate of %s weights\n",
                  arguments.weights.c_str(),
                  bench::median(ratios),
                  arguments.type() == at::kFloat ? "float32" : "bfloat16");
    }
    std::printf("  %ld blocks: %.1f TFLOP, %.1f s for one evaluation\n",
                static_cast<long>(bench::kPublishedBlocks),
                1e-12 * flops.total(bench::kPublishedBlocks),
                1e-12 * flops.total(bench::kPublishedBlocks) / rate);
  }
  return 0;
}
