// Measures decoding with the autoregressive generator at the published width, on random weights:
// tokens per second, the rate of reading weights as a fraction of the memory bandwidth measured in
// the same run, and the time of a step for several sequences together. On the CPU, weights that are
// not quantised lie in a mapped file, as a checkpoint's do, and the bandwidth is that of reading
// the same memory.

#include <algorithm>
#include <cstdio>
#include <vector>

#include "core/memory.h"
#include "support/limits.h"
#include "support/machine.h"
#include "support/published.h"

namespace {

using namespace glm_image;

constexpr int64_t kPromptTokens = 100;
constexpr int kRounds = 9;
constexpr int64_t kMostSequences = 4;
/// A preview of 256 tokens, 1024 tokens of a 1024×1024 picture, and the end marker.
constexpr int64_t kDrawnTokens = 1281;

/// The number of layers that fit into half of the free memory together with the embedding.
int64_t layers_that_fit(const bench::Arguments& arguments) {
  if (arguments.layers > 0) return arguments.layers;
  if (!arguments.device.is_cpu()) return bench::kPublishedLayers;
  // While a layer is quantised, it is in memory twice.
  constexpr int64_t kLayerBytes = int64_t{408} << 20, kEmbeddingBytes = int64_t{3} << 30;
  const int64_t free = available_memory_bytes() / 2 - kEmbeddingBytes;
  return std::clamp<int64_t>(free / kLayerBytes, 2, bench::kPublishedLayers);
}

struct Decoder {
  Decoder(const bench::Arguments& arguments, int64_t layers)
      : config(bench::published_generator(layers)),
        options(at::TensorOptions().dtype(arguments.type()).device(arguments.device)),
        model(config, options),
        head(config.hidden_size, config.vision_vocab_size, options, /*with_bias=*/false),
        cache(layers, kMostSequences, kPromptTokens + kDrawnTokens + 64, 2, 128, options) {
    bench::randomise(*model, arguments.device);
    bench::randomise(*head, arguments.device);
    bench::quantise_layers(*model, arguments, "layers.");
    if (arguments.device.is_cpu()) {
      bench::map_weights(*model);
      bench::map_weights(*head);
    }
  }

  /// What decoding can hope for, GB/s: on the CPU all cores reading the same weights.
  double read_bandwidth() const {
    return options.device().is_cpu() ? bench::measure_read_bandwidth(*model)
                                     : bench::measure_read_bandwidth(options.device());
  }

  /// Feeds tokens to each of several sequences and returns the logits after the last.
  Tensor read(int64_t tokens, int64_t sequences = 1) {
    const auto ids = at::full({sequences, tokens}, 77, options.dtype(at::kLong));
    const auto positions =
        at::arange(cache.length(), cache.length() + tokens, options.dtype(at::kLong))
            .expand({3, sequences, tokens});
    const auto hidden = model->forward(ids, positions, &cache);
    return head->forward(hidden.narrow(1, tokens - 1, 1));
  }

  /// Bytes that a decoding step reads with this number of layers: every weight except the
  /// embedding, and the cache.
  double bytes_per_token(int64_t layers) const {
    const double embedding = static_cast<double>(config.vocab_size * config.hidden_size) * 2;
    const double keys_and_values =
        static_cast<double>(config.num_hidden_layers * cache.length() * 2 * 2 * 128) * 2;
    const double all_layers = bench::bytes_of(*model) - embedding + keys_and_values;
    return all_layers * static_cast<double>(layers) /
               static_cast<double>(config.num_hidden_layers) +
           bench::bytes_of(*head);
  }

  models::GeneratorConfig config;
  at::TensorOptions options;
  models::GlmImageTextModel model;
  nn::Linear head;
  nn::KeyValueCache cache;
};

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::start(argc, argv);
  const torch::NoGradGuard no_grad;
  bench::print_machine("bench_ar", arguments, arguments.type());
  const int64_t layers = layers_that_fit(arguments);
  Decoder decoder(arguments, layers);
  std::printf("%ld layers of width %ld, %.1f GB of weights read a token, prompt of %ld tokens\n",
              static_cast<long>(layers),
              static_cast<long>(decoder.config.hidden_size),
              1e-9 * decoder.bytes_per_token(layers),
              static_cast<long>(kPromptTokens));
  const double prompt_seconds = bench::median_seconds(1, [&] {
    decoder.cache.truncate(0);
    bench::wait_for(decoder.read(kPromptTokens));
  });
  std::printf("prompt: %.2f s\n", prompt_seconds);

  for (const int64_t position : {kPromptTokens, kPromptTokens + kDrawnTokens}) {
    // Skip to the position: the values in the cache do not affect the time of attention.
    if (decoder.cache.length() < position) decoder.cache.advance(position - decoder.cache.length());
    const double bytes = decoder.bytes_per_token(layers);
    // The speed of a shared machine drifts, so the limit is measured before and after each run.
    std::vector<double> rates, fractions, limits;
    limits.push_back(decoder.read_bandwidth());
    for (int round = 0; round < kRounds; ++round) {
      const double seconds = bench::median_seconds(3, [&] { bench::wait_for(decoder.read(1)); });
      limits.push_back(decoder.read_bandwidth());
      rates.push_back(1e-9 * bytes / seconds);
      fractions.push_back(2 * rates.back() / (limits[round] + limits[round + 1]));
    }
    const double rate = bench::median(rates);
    std::printf(
        "at position %ld: %.2f tokens/s (%ld layers: %.2f tokens/s)\n"
        "  read bandwidth before %.1f, after %.1f, median %.1f GB/s\n"
        "  %.1f GB/s of weights read, fraction of bandwidth %.2f\n",
        static_cast<long>(position),
        1e9 * rate / bytes,
        static_cast<long>(bench::kPublishedLayers),
        1e9 * rate / decoder.bytes_per_token(bench::kPublishedLayers),
        limits.front(),
        limits.back(),
        bench::median(limits),
        rate,
        bench::median(fractions));
    decoder.cache.truncate(position);
    for (const int64_t sequences : {int64_t{2}, kMostSequences}) {
      std::vector<double> ratios;
      for (int round = 0; round < kRounds; ++round) {
        const auto seconds = [&](int64_t together) {
          return bench::median_seconds(2, [&] { bench::wait_for(decoder.read(1, together)); });
        };
        const double alone = seconds(1);
        ratios.push_back(2 * seconds(sequences) / (alone + seconds(1)));
        decoder.cache.truncate(position);
      }
      std::printf("  a step of %ld sequences together: %.2f times the time of one\n",
                  static_cast<long>(sequences),
                  bench::median(ratios));
    }
  }
  return 0;
}
