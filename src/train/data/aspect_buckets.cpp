#include "train/data/aspect_buckets.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "image/resize.h"
#include "text/grid.h"

namespace glm_image::train {
namespace {

constexpr int64_t kSideStep = text::kTokenSide;

double log_ratio(const PictureSize& size) {
  return std::log(static_cast<double>(size.width) / static_cast<double>(size.height));
}

/// The factor by which a picture is scaled to cover `size`.
double covering_scale(const PictureSize& original, const PictureSize& size) {
  return std::max(static_cast<double>(size.width) / static_cast<double>(original.width),
                  static_cast<double>(size.height) / static_cast<double>(original.height));
}

}  // namespace

AspectBuckets::AspectBuckets(int64_t size) {
  GLM_IMAGE_CHECK(size >= kSideStep && size % kSideStep == 0, "buckets of size ", size);
  const auto longest = [&](int64_t other) { return size * size / other / kSideStep * kSideStep; };
  for (int64_t height = kSideStep; height <= 2 * size; height += kSideStep) {
    const int64_t width = longest(height);
    if (width > kMaxAspectRatio * height || height > kMaxAspectRatio * width) continue;
    if (longest(width) == height) sizes_.push_back({width, height});
  }
}

PictureSize AspectBuckets::of(int64_t width, int64_t height) const {
  GLM_IMAGE_CHECK(width >= kSideStep && height >= kSideStep, width, "x", height);
  const PictureSize original{width, height};
  const PictureSize* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& size : sizes_) {
    const double distance = std::abs(log_ratio(size) - log_ratio(original));
    if (distance < least) {
      least = distance;
      best = &size;
    }
  }
  if (covering_scale(original, *best) <= kMaxEnlargement) return *best;
  PictureSize own{width / kSideStep * kSideStep, height / kSideStep * kSideStep};
  own.width = std::min(own.width, kMaxAspectRatio * own.height);
  own.height = std::min(own.height, kMaxAspectRatio * own.width);
  return own;
}

FittedPicture fit_geometry(const PictureSize& original, const PictureSize& size) {
  const double scale = covering_scale(original, size);
  const auto scaled = [&](int64_t side, int64_t least) {
    return std::max<int64_t>(std::llround(static_cast<double>(side) * scale), least);
  };
  FittedPicture fitted;
  fitted.scaled = {scaled(original.width, size.width), scaled(original.height, size.height)};
  fitted.left = (fitted.scaled.width - size.width) / 2;
  fitted.top = (fitted.scaled.height - size.height) / 2;
  return fitted;
}

FittedPicture fit_picture(const Image& picture, const PictureSize& size) {
  auto fitted = fit_geometry({picture.width, picture.height}, size);
  const auto scaled = image::resize_lanczos(picture, fitted.scaled.width, fitted.scaled.height);
  fitted.image = {size.width, size.height, {}};
  fitted.image.pixels.resize(static_cast<std::size_t>(3 * size.width * size.height));
  for (int64_t y = 0; y < size.height; ++y) {
    std::copy_n(scaled.pixels.begin() + 3 * ((fitted.top + y) * scaled.width + fitted.left),
                3 * size.width,
                fitted.image.pixels.begin() + 3 * y * size.width);
  }
  return fitted;
}

}  // namespace glm_image::train
