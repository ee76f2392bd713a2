#include "glm_image/image_file.h"

#include "image/codec.h"

namespace glm_image {
namespace {

image::EncodeOptions with_quality(int quality) {
  image::EncodeOptions options;
  options.quality = quality;
  return options;
}

}  // namespace

Image read_image(const std::filesystem::path& path, std::vector<std::string>* warnings) {
  return image::read_image(path, image::ImageLimits(), warnings);
}

Image decode_image(std::string_view bytes,
                   const std::string& name,
                   std::vector<std::string>* warnings) {
  return image::decode_image(bytes, name, image::ImageLimits(), warnings);
}

std::string encode_image(const Image& image, ImageFormat format, int quality) {
  return image::encode_image(image, format, with_quality(quality));
}

void write_image(const std::filesystem::path& path, const Image& image, int quality) {
  image::write_image(path, image, with_quality(quality));
}

}  // namespace glm_image
