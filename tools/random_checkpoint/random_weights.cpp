#include "random_checkpoint/random_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/error.h"
#include "core/random_stream.h"
#include "core/suffix.h"
#include "io/safetensors.h"

namespace glm_image::random_checkpoint {
namespace {

constexpr int64_t kQuantiles = 65536;
/// Random bits per quantile index; 64 bits give four indices.
constexpr int kIndexBits = 16;
constexpr uint64_t kValuesPerDraw = 4;
constexpr uint64_t kValuesPerTask = uint64_t{1} << 17;
/// Keeps gates, scales and shifts small compared with the residual stream and with 1.
constexpr double kModulation = 0.5;

bool has(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

/// The standard normal distribution's quantiles at (i + ½)/65536, float32.
const Tensor& normal_quantiles() {
  static const Tensor quantiles = [] {
    const auto index = at::arange(kQuantiles, at::TensorOptions(at::kDouble));
    const auto probability = (index + 0.5) / static_cast<double>(kQuantiles);
    return at::erfinv(2 * probability - 1) * std::sqrt(2.0);
  }();
  return quantiles;
}

template <typename Value>
void look_up(const Value* quantiles, uint64_t key, uint64_t first, uint64_t count, Value* values) {
  for (uint64_t i = 0; i < count; i += kValuesPerDraw) {
    uint64_t bits = mix_bits(key + (first + i) / kValuesPerDraw);
    const uint64_t end = std::min(kValuesPerDraw, count - i);
    for (uint64_t j = 0; j < end; ++j) {
      values[i + j] = quantiles[bits & (kQuantiles - 1)];
      bits >>= kIndexBits;
    }
  }
}

}  // namespace

Distribution distribution_of(const std::string& name, at::IntArrayRef shape, int64_t d_kv) {
  if (ends_with(name, "bias")) return {0, 0};
  if (shape.size() == 1) return {1, 0};
  if (ends_with(name, "embedding.weight") || ends_with(name, "embed_tokens.weight") ||
      ends_with(name, "shared.weight") || ends_with(name, "relative_attention_bias.weight")) {
    return {0, 1};
  }
  double fan_in = 1;
  for (const int64_t size : shape.slice(1)) fan_in *= static_cast<double>(size);
  double deviation = 1 / std::sqrt(fan_in);
  if (has(name, "SelfAttention.q.")) deviation /= std::sqrt(static_cast<double>(d_kv));
  if (has(name, "norm1.linear.") || has(name, "norm_out.linear.")) deviation *= kModulation;
  return {0, deviation};
}

RandomValues::RandomValues(Distribution distribution, io::ElementType type, uint64_t key)
    : key_(key), element_size_(io::element_size(type)) {
  GLM_IMAGE_CHECK(element_size_ == 2 || element_size_ == 4, element_size_, " bytes a value");
  const auto standard = distribution.deviation > 0 ? normal_quantiles() : at::zeros({1});
  const auto stored = (standard * distribution.deviation + distribution.mean)
                          .to(io::scalar_type(type))
                          .contiguous();
  const auto* bytes = static_cast<const char*>(stored.data_ptr());
  quantiles_.assign(bytes, bytes + stored.nbytes());
}

void RandomValues::draw(uint64_t first, uint64_t count, char* bytes) const {
  GLM_IMAGE_CHECK(first % kValuesPerDraw == 0, "values from ", first, " on");
  if (quantiles_.size() == element_size_) {
    for (uint64_t i = 0; i < count; ++i) {
      std::memcpy(bytes + i * element_size_, quantiles_.data(), element_size_);
    }
    return;
  }
  const auto tasks = static_cast<int64_t>((count + kValuesPerTask - 1) / kValuesPerTask);
  at::parallel_for(0, tasks, /*grain_size=*/1, [&](int64_t begin, int64_t end) {
    const uint64_t from = static_cast<uint64_t>(begin) * kValuesPerTask;
    const uint64_t to = std::min(count, static_cast<uint64_t>(end) * kValuesPerTask);
    char* target = bytes + from * element_size_;
    const auto draw_as = [&](auto* values) {
      using Value = std::remove_pointer_t<decltype(values)>;
      look_up(
          reinterpret_cast<const Value*>(quantiles_.data()), key_, first + from, to - from, values);
    };
    if (element_size_ == 2) {
      draw_as(reinterpret_cast<uint16_t*>(target));
    } else {
      draw_as(reinterpret_cast<uint32_t*>(target));
    }
  });
}

}  // namespace glm_image::random_checkpoint
