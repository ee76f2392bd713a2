#include "image/image_limits.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace glm_image::image {
namespace {

/// What to do about a picture over the limits: the largest size of its shape that is allowed.
std::string advice(int64_t width, int64_t height, const ImageLimits& limits) {
  const auto w = static_cast<double>(width), h = static_cast<double>(height);
  const auto pixels = static_cast<double>(std::max<int64_t>(limits.max_pixels, 0));
  const double scale =
      std::min(static_cast<double>(limits.max_side) / std::max(w, h), std::sqrt(pixels / (w * h)));
  const auto side = [&](double length) { return static_cast<int64_t>(std::floor(length * scale)); };
  // The limit of several pictures holds for their sum, so no size of this one is the answer.
  if (limits.shared_pixels > 0) return "reduce the pictures";
  if (side(w) < 1 || side(h) < 1) return "crop it";
  return concat("reduce it to ", side(w), "×", side(h), " or less");
}

}  // namespace

Image make_image(const std::string& name,
                 int64_t width,
                 int64_t height,
                 const ImageLimits& limits) {
  if (width < 1 || height < 1) {
    fail(ErrorCode::kCorruptFile, name, ": the picture has no pixels (", width, "×", height, ")");
  }
  if (width > limits.max_side || height > limits.max_side || width * height > limits.max_pixels) {
    fail(ErrorCode::kInvalidInput,
         name,
         ": the picture has ",
         width,
         "×",
         height,
         " pixels; the maximum is ",
         limits.max_side,
         " a side and ",
         limits.max_pixels + limits.shared_pixels,
         " in total",
         limits.shared_pixels > 0
             ? concat(", and the pictures before it have ", limits.shared_pixels)
             : "",
         "; ",
         advice(width, height, limits));
  }
  Image image;
  image.width = width;
  image.height = height;
  image.pixels.resize(static_cast<std::size_t>(width * height * 3));
  return image;
}

void warn_of_animation(Warnings* warnings,
                       const std::string& name,
                       const char* format,
                       int64_t frames,
                       const char* used) {
  if (warnings == nullptr) return;
  warnings->push_back(concat(name,
                             ": is an animated ",
                             format,
                             " file (frames: ",
                             frames,
                             "); only its ",
                             used,
                             " is used"));
}

void check_image(const Image& image) {
  // Divide rather than multiply: the product of unchecked sides may overflow.
  const auto bytes = static_cast<int64_t>(image.pixels.size());
  const bool whole = image.width > 0 && image.height > 0 && bytes % 3 == 0 &&
                     bytes / 3 % image.height == 0 && bytes / 3 / image.height == image.width;
  if (!whole) {
    fail(ErrorCode::kInvalidInput,
         "a picture of ",
         image.width,
         "×",
         image.height,
         " RGB pixels cannot have ",
         bytes,
         " bytes");
  }
}

}  // namespace glm_image::image
