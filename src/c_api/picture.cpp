#include <algorithm>
#include <cstdlib>
#include <map>

#include "c_api/guard.h"
#include "glm_image/picture_file.h"

namespace glm_image::c_api {
namespace {

void check_size(int64_t width, int64_t height) {
  const bool fits = width >= 1 && height >= 1 && width <= kMaxImageSide &&
                    height <= kMaxImageSide && width * height <= kMaxImagePixels;
  if (fits) return;
  throw Error(ErrorCode::kInvalidInput,
              "a picture's sides must be 1 to " + std::to_string(kMaxImageSide) +
                  ", its pixels at most " + std::to_string(kMaxImagePixels) + "; found " +
                  std::to_string(width) + "x" + std::to_string(height));
}

PictureFileOptions file_options(int quality, int parameters) {
  PictureFileOptions options;
  if (quality != 0) options.quality = quality;
  options.parameters = parameters != 0;
  return options;
}

ImageFormat format_named(const std::string& name) {
  static const std::map<std::string, ImageFormat> kFormats = {
      {"png", ImageFormat::kPng}, {"jpeg", ImageFormat::kJpeg}, {"webp", ImageFormat::kWebp}};
  const auto found = kFormats.find(name);
  if (found != kFormats.end()) return found->second;
  throw Error(ErrorCode::kInvalidInput,
              "the argument format must be png, jpeg or webp; found '" + name + "'");
}

}  // namespace
}  // namespace glm_image::c_api

using namespace glm_image::c_api;

glm_image_status glm_image_picture_create(int64_t width,
                                          int64_t height,
                                          const unsigned char* pixels,
                                          glm_image_picture** picture,
                                          glm_image_error** error) {
  return guarded(error, [&] {
    check_size(width, height);
    const auto* begin = &required(pixels, "pixels");
    auto& created = required(picture, "picture");
    auto made = std::make_unique<glm_image_picture>();
    made->picture.image = {width, height, {begin, begin + width * height * 3}};
    created = made.release();
  });
}

glm_image_status glm_image_picture_read(const char* path,
                                        glm_image_picture** picture,
                                        glm_image_error** error) {
  return guarded(error, [&] {
    auto& read = required(picture, "picture");
    auto made = std::make_unique<glm_image_picture>();
    made->picture.image = glm_image::read_image(required_text(path, "path"));
    read = made.release();
  });
}

void glm_image_picture_free(glm_image_picture* picture) {
  delete picture;
}

int64_t glm_image_picture_width(const glm_image_picture* picture) {
  return picture == nullptr ? 0 : picture->picture.image.width;
}

int64_t glm_image_picture_height(const glm_image_picture* picture) {
  return picture == nullptr ? 0 : picture->picture.image.height;
}

const unsigned char* glm_image_picture_pixels(const glm_image_picture* picture) {
  return picture == nullptr ? nullptr : picture->picture.image.pixels.data();
}

uint64_t glm_image_picture_seed(const glm_image_picture* picture) {
  return picture == nullptr ? 0 : picture->picture.seed;
}

glm_image_status glm_image_picture_write(const glm_image_picture* picture,
                                         const char* path,
                                         int quality,
                                         int parameters,
                                         glm_image_error** error) {
  return guarded(error, [&] {
    const auto& given = required(picture, "picture");
    const auto file = required_text(path, "path");
    const auto options = file_options(quality, parameters);
    if (given.origin) {
      const auto& origin = *given.origin;
      glm_image::write_picture(file, given.picture, origin.request, origin.model, options);
    } else {
      glm_image::write_image(file, given.picture.image, options.quality);
    }
  });
}

glm_image_status glm_image_picture_encode(const glm_image_picture* picture,
                                          const char* format,
                                          int quality,
                                          int parameters,
                                          unsigned char** bytes,
                                          size_t* size,
                                          glm_image_error** error) {
  return guarded(error, [&] {
    const auto& given = required(picture, "picture");
    const auto file_format = format_named(required_text(format, "format"));
    auto& encoded_bytes = required(bytes, "bytes");
    auto& encoded_size = required(size, "size");
    const auto options = file_options(quality, parameters);
    const auto* origin = given.origin.get();
    const auto encoded =
        origin != nullptr
            ? glm_image::encode_picture(
                  given.picture, origin->request, origin->model, file_format, options)
            : glm_image::encode_image(given.picture.image, file_format, options.quality);
    auto* copy = static_cast<unsigned char*>(std::malloc(encoded.size()));
    if (copy == nullptr) throw std::bad_alloc();
    std::copy(encoded.begin(), encoded.end(), copy);
    encoded_bytes = copy;
    encoded_size = encoded.size();
  });
}

void glm_image_bytes_free(unsigned char* bytes) {
  std::free(bytes);
}
