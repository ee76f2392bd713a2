// Decoding with the autoregressive generator at the published width, on random bfloat16 weights:
// tokens a second, and the weights read a second as a fraction of the bandwidth of the memory,
// measured in the same run.

#include <algorithm>
#include <cstdio>
#include <vector>

#include "core/memory.h"
#include "models/generator/language_model.h"
#include "support/limits.h"
#include "support/machine.h"

namespace {

using namespace glm_image;

constexpr int64_t kPublishedLayers = 40;
constexpr int64_t kVisionVocabulary = 16512;
constexpr int64_t kPromptTokens = 100;
constexpr int kRounds = 9;
/// A preview of 256 tokens, 1024 of a picture of 1024 pixels, and the end marker.
constexpr int64_t kDrawnTokens = 1281;

models::GeneratorConfig published_config(int64_t layers) {
  models::GeneratorConfig config;
  config.vocab_size = 168064;
  config.vision_vocab_size = kVisionVocabulary;
  config.hidden_size = 4096;
  config.intermediate_size = 13696;
  config.num_hidden_layers = layers;
  config.num_attention_heads = 32;
  config.num_key_value_heads = 2;
  config.head_dim = 128;
  config.max_position_embeddings = 131072;
  config.attention_bias = true;
  config.rms_norm_eps = 1.5625e-7;
  config.rope_theta = 10000;
  config.rotary_dim = 64;
  config.mrope_section = {8, 12, 12};
  return config;
}

double bytes_of(const torch::nn::Module& module) {
  double bytes = 0;
  for (const auto& parameter : module.parameters()) {
    bytes += static_cast<double>(parameter.numel() * parameter.element_size());
  }
  return bytes;
}

/// As many layers as half of the free memory holds beside the embedding.
int64_t layers_that_fit(const bench::Arguments& arguments) {
  if (arguments.layers > 0) return arguments.layers;
  if (!arguments.device.is_cpu()) return kPublishedLayers;
  constexpr int64_t kLayerBytes = int64_t{408} << 20, kEmbeddingBytes = int64_t{3} << 30;
  const int64_t free = available_memory_bytes() / 2 - kEmbeddingBytes;
  return std::clamp<int64_t>(free / kLayerBytes, 2, kPublishedLayers);
}

struct Decoder {
  Decoder(const bench::Arguments& arguments, int64_t layers)
      : config(published_config(layers)),
        options(at::TensorOptions().dtype(at::kBFloat16).device(arguments.device)),
        model(config, options),
        head(config.hidden_size, kVisionVocabulary, options, /*with_bias=*/false),
        cache(layers, 1, kPromptTokens + kDrawnTokens + 64, 2, 128, options) {
    bench::randomise(*model, arguments.device);
    bench::randomise(*head, arguments.device);
  }

  /// Reads tokens and returns the logits after the last.
  Tensor read(int64_t tokens) {
    const auto ids = at::full({1, tokens}, 77, options.dtype(at::kLong));
    const auto positions =
        at::arange(cache.length(), cache.length() + tokens, options.dtype(at::kLong))
            .expand({3, 1, tokens});
    const auto hidden = model->forward(ids, positions, &cache);
    return head->forward(hidden.narrow(1, tokens - 1, 1));
  }

  /// Bytes that a decoding step reads with so many layers: every weight but the embedding, and the
  /// cache.
  double bytes_per_token(int64_t layers) const {
    const double embedding = static_cast<double>(config.vocab_size * config.hidden_size) * 2;
    const double keys_and_values =
        static_cast<double>(config.num_hidden_layers * cache.length() * 2 * 2 * 128) * 2;
    const double all_layers = bytes_of(*model) - embedding + keys_and_values;
    return all_layers * static_cast<double>(layers) /
               static_cast<double>(config.num_hidden_layers) +
           bytes_of(*head);
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
  bench::print_machine("bench_ar", arguments, at::kBFloat16);
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
    // What lies between is not computed: whatever the cache holds there takes as long to attend to.
    if (decoder.cache.length() < position) decoder.cache.advance(position - decoder.cache.length());
    const double bytes = decoder.bytes_per_token(layers);
    // The speed of a shared machine drifts: every measurement stands between two of the limit.
    std::vector<double> rates, fractions, limits;
    limits.push_back(bench::measure_read_bandwidth(arguments.device));
    for (int round = 0; round < kRounds; ++round) {
      const double seconds = bench::median_seconds(3, [&] { bench::wait_for(decoder.read(1)); });
      limits.push_back(bench::measure_read_bandwidth(arguments.device));
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
        static_cast<long>(kPublishedLayers),
        1e9 * rate / decoder.bytes_per_token(kPublishedLayers),
        limits.front(),
        limits.back(),
        bench::median(limits),
        rate,
        bench::median(fractions));
    decoder.cache.truncate(position);
  }
  return 0;
}
