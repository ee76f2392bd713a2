#include "image/image_limits.h"

#include "core/error.h"

namespace glm_image::image {

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
         " pixels; allowed are ",
         limits.max_side,
         " a side and ",
         limits.max_pixels,
         " in all");
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
  // Divided rather than multiplied: the sides may be anything, and their product overflow.
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
