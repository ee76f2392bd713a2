#include "server/duration_estimate.h"

namespace glm_image::server {
namespace {

constexpr double kWeightOfTheLatest = 0.3;

double pixels(const Request& request) {
  return static_cast<double>(request.width * request.height * request.count);
}

double denoised_pixels(const Request& request) {
  const double passes = request.guidance.value_or(1) > 1 ? 2 : 1;
  return pixels(request) * passes * static_cast<double>(request.steps.value_or(1));
}

/// Visual tokens: of the picture, and about 256 of its preview grid.
double tokens(const Request& request) {
  constexpr double kPixelsPerToken = 32 * 32;
  constexpr double kPreviewTokens = 256;
  const double preview =
      request.condition_images.empty() ? kPreviewTokens * static_cast<double>(request.count) : 0;
  return pixels(request) / kPixelsPerToken + preview;
}

}  // namespace

void DurationEstimate::Rate::learn(double seconds, double units) {
  if (units <= 0) return;
  const double latest = seconds / units;
  seconds_per_unit =
      known ? (1 - kWeightOfTheLatest) * seconds_per_unit + kWeightOfTheLatest * latest : latest;
  known = true;
}

std::optional<double> DurationEstimate::seconds(const Request& request) const {
  if (!token_.known || !denoised_pixel_.known || !decoded_pixel_.known) return std::nullopt;
  return token_.seconds_per_unit * tokens(request) +
         denoised_pixel_.seconds_per_unit * denoised_pixels(request) +
         decoded_pixel_.seconds_per_unit * pixels(request) + rest_.seconds_per_unit;
}

void DurationEstimate::learn(const Request& request, const Result& result) {
  double rest = 0;
  for (const auto& stage : result.stages) {
    switch (stage.stage) {
      case Stage::kImageTokens:
        token_.learn(stage.seconds, tokens(request));
        break;
      case Stage::kDenoising:
        denoised_pixel_.learn(stage.seconds, denoised_pixels(request));
        break;
      case Stage::kDecoding:
        decoded_pixel_.learn(stage.seconds, pixels(request));
        break;
      default:
        rest += stage.seconds;
    }
  }
  rest_.learn(rest, 1);
}

}  // namespace glm_image::server
