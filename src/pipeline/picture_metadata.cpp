#include "pipeline/picture_metadata.h"

#include <utility>

#include "core/error.h"
#include "core/text_format.h"
#include "image/exif_comment.h"
#include "image/file_bytes.h"
#include "image/source_mark.h"

namespace glm_image::pipeline {
namespace {

std::string program_name() {
  return concat("glm-image.cpp ", version());
}

}  // namespace

void add_source_mark(bool is_edit, image::EncodeOptions& options) {
  const auto type = is_edit ? image::SourceType::kComposite : image::SourceType::kGenerated;
  options.blocks.xmp = image::xmp_with_source(type, program_name());
}

void add_parameters(const Recipe& recipe, image::EncodeOptions& options) {
  options.text = recipe_texts(recipe);
  options.blocks.exif = image::exif_with_comment(recipe_comment(recipe), program_name());
}

PictureMetadata read_metadata(std::string_view bytes, const std::string& name) {
  PictureMetadata metadata;
  const auto blocks = image::read_metadata_blocks(bytes, name);
  metadata.source = image::source_in_xmp(blocks.xmp);
  if (image::format_from_bytes(bytes, name) != image::ImageFormat::kPng) {
    auto parts = split_comment(image::exif_comment(blocks.exif).value_or(""));
    metadata.parameters = std::move(parts.parameters);
    metadata.recipe = std::move(parts.recipe);
    return metadata;
  }
  for (auto& [key, text] : image::read_png_text(bytes, name, {kRecipeKey, kParametersKey})) {
    if (key == kRecipeKey) {
      if (!metadata.recipe) metadata.recipe = std::move(text);
    } else if (key == kParametersKey && metadata.parameters.empty()) {
      metadata.parameters = std::move(text);
    }
  }
  return metadata;
}

PictureMetadata read_metadata(const std::filesystem::path& path) {
  return read_metadata(image::read_file_bytes(path, image::ImageLimits().max_file_bytes),
                       path.string());
}

Recipe read_parameters(std::string_view bytes, const std::string& name) {
  if (const auto text = read_metadata(bytes, name).recipe) return parse_recipe(*text, name);
  fail(ErrorCode::kInvalidInput,
       name,
       ": does not say how it was made: it has no parameters of glm-image, or another program "
       "removed them");
}

Recipe read_parameters(const std::filesystem::path& path) {
  return read_parameters(image::read_file_bytes(path, image::ImageLimits().max_file_bytes),
                         path.string());
}

}  // namespace glm_image::pipeline
