#include "pipeline/learned_rates.h"

#include <filesystem>

#include "core/error.h"
#include "io/json_cache.h"
#include "models/layout.h"
#include "models/transformer/config.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostModels = 200;

fs::path rates_file() {
  return io::cache_file("rates.json");
}

/// As DurationEstimate::kAttentionTokens, which it returns if the model cannot be read.
double attention_tokens(const fs::path& model) {
  try {
    const auto config = models::TransformerConfig::from_json(
        io::JsonFields::load(model / models::kTransformer / "config.json"));
    return 6.0 * static_cast<double>(config.hidden_size());
  } catch (const Error&) {
    return DurationEstimate::kAttentionTokens;
  }
}

}  // namespace

LearnedRates::LearnedRates(const ModelInfo& model, int threads)
    : key_(concat(fs::absolute(model.directory).lexically_normal().string(),
                  " ",
                  model.device,
                  " ",
                  model.dtype,
                  " ",
                  threads)) {
  const auto rates = io::read_cache(rates_file());
  estimate_ =
      DurationEstimate::from_json(rates.contains(key_) ? rates.at(key_) : io::Json::object(),
                                  attention_tokens(model.directory));
}

void LearnedRates::learn(const Request& request, const Result& result) {
  estimate_.learn(request, result);
  const auto file = rates_file();
  if (file.empty()) return;
  // Read again: another process may have stored rates in the meantime.
  auto rates = io::read_cache(file);
  if (rates.size() >= kMostModels && !rates.contains(key_)) rates = io::Json::object();
  rates[key_] = estimate_.to_json();
  io::write_cache(file, rates);
}

}  // namespace glm_image::pipeline
