#include "pipeline/shorter_edit.h"

#include <algorithm>
#include <cmath>

#include "glm_image/limits.h"
#include "models/layout.h"

namespace glm_image::pipeline {
namespace {

constexpr double kLongSeconds = 300;
/// Minimum size of a transformer that needs seconds for each evaluation of a large picture.
constexpr int64_t kManyParameters = 1'000'000'000;
/// A smaller gain does not justify the loss of detail.
constexpr double kWorthwhile = 0.8;

bool is_large(const ModelInfo& model) {
  return std::any_of(model.components.begin(), model.components.end(), [](const auto& component) {
    return component.name == models::kTransformer && component.parameters >= kManyParameters;
  });
}

PictureSize within(const PictureSize& size, int64_t pixels) {
  const double ratio = static_cast<double>(pixels) /
                       static_cast<double>(std::max<int64_t>(size.width * size.height, 1));
  if (ratio >= 1) return size;
  const auto scaled = [&](int64_t side) {
    return std::max<int64_t>(1, std::llround(static_cast<double>(side) * std::sqrt(ratio)));
  };
  return {scaled(size.width), scaled(size.height)};
}

}  // namespace

std::optional<ShorterEdit> shorter_edit(Request request,
                                        const ModelInfo& model,
                                        const DurationEstimate& estimate) {
  if (model.device != "cpu" || request.reference_pixels != 0 || request.composition) {
    return std::nullopt;
  }
  ShorterEdit shorter;
  shorter.reference_pixels = std::clamp(
      request.width * request.height, limits::kMinReferencePixels, limits::kMaxReferencePixels);
  int64_t largest = 0;
  for (const auto& size : request.condition_sizes) {
    largest = std::max(largest, size.width * size.height);
  }
  if (largest <= shorter.reference_pixels) return std::nullopt;
  shorter.seconds = estimate.seconds(request);
  for (auto& size : request.condition_sizes) size = within(size, shorter.reference_pixels);
  shorter.seconds_if_asked = estimate.seconds(request);
  if (!shorter.seconds || !shorter.seconds_if_asked) {
    return is_large(model) ? std::optional(shorter) : std::nullopt;
  }
  const bool is_worthwhile = *shorter.seconds >= kLongSeconds &&
                             *shorter.seconds_if_asked <= kWorthwhile * *shorter.seconds;
  return is_worthwhile ? std::optional(shorter) : std::nullopt;
}

}  // namespace glm_image::pipeline
