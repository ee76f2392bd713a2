#include "pipeline/learned_rates.h"

#include <cstdlib>
#include <filesystem>

#include "core/atomic_file.h"
#include "core/error.h"
#include "io/json_text.h"
#include "models/layout.h"
#include "models/transformer/config.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostModels = 200;

/// Empty if there is no home folder.
fs::path rates_file() {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  auto cache = variable("XDG_CACHE_HOME");
  if (!cache.is_absolute()) cache = variable("HOME") / ".cache";
  return cache.is_absolute() ? cache / "glm-image" / "rates.json" : fs::path();
}

/// An empty object if no file can be read.
io::Json read_rates(const fs::path& file) {
  std::error_code error;
  if (file.empty() || !fs::exists(file, error)) return io::Json::object();
  try {
    auto rates = io::read_json_file(file);
    return rates.is_object() ? rates : io::Json::object();
  } catch (const Error&) {
    return io::Json::object();
  }
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
  const auto rates = read_rates(rates_file());
  estimate_ =
      DurationEstimate::from_json(rates.contains(key_) ? rates.at(key_) : io::Json::object(),
                                  attention_tokens(model.directory));
}

void LearnedRates::learn(const Request& request, const Result& result) {
  estimate_.learn(request, result);
  const auto file = rates_file();
  if (file.empty()) return;
  // Read again: another process may have stored rates in the meantime.
  auto rates = read_rates(file);
  if (rates.size() >= kMostModels && !rates.contains(key_)) rates = io::Json::object();
  rates[key_] = estimate_.to_json();
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  try {
    write_file_atomically(file, io::json_text(rates, 1) + "\n");
  } catch (const Error&) {
    // It cannot be stored: the next run has no rates either.
  }
}

}  // namespace glm_image::pipeline
