#include "glm_image/picture_file.h"

#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "image/codec.h"
#include "pipeline/picture_metadata.h"

namespace glm_image {
namespace {

void require_checked(const Request& request) {
  const bool is_checked = request.steps && request.guidance && request.solver && request.guided &&
                          request.guidance_every && request.step_cache && request.adapters;
  if (is_checked) return;
  fail(ErrorCode::kInvalidInput,
       "request: has fields without a value; its parameters can be stored only as Pipeline::check "
       "returned it");
}

}  // namespace

std::string encode_picture(const Picture& picture,
                           const Request& request,
                           const ModelInfo& model,
                           ImageFormat format,
                           const PictureFileOptions& options) {
  const auto condition_images = static_cast<int64_t>(request.condition_images.size());
  image::EncodeOptions encode;
  encode.quality = options.quality;
  pipeline::add_source_mark(/*is_edit=*/condition_images > 0, encode);
  if (options.parameters) {
    require_checked(request);
    auto parameters = request;
    parameters.condition_images.clear();
    pipeline::add_parameters(
        pipeline::recipe_of(std::move(parameters), condition_images, picture, model), encode);
  }
  return image::encode_image(picture.image, format, encode);
}

void write_picture(const std::filesystem::path& path,
                   const Picture& picture,
                   const Request& request,
                   const ModelInfo& model,
                   const PictureFileOptions& options) {
  const auto format = image::format_from_path(path);
  write_file_atomically(path, encode_picture(picture, request, model, format, options));
}

}  // namespace glm_image
