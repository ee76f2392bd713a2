#pragma once

#include <filesystem>

#include "glm_image/pipeline.h"
#include "io/json_text.h"

/// A model's training sizes and default settings, and warnings for requests that differ from them.
namespace glm_image::pipeline {

/// The file in a model's folder; docs/models.md describes it.
inline constexpr const char* kProfileFile = "glm_image.json";

/// Reads the file, which may be absent. Without sizes in the file, the sizes are the square of
/// `default_side` pixels, the usual aspect ratios of the same area, and the square of twice the
/// side. Throws kCorruptFile naming the file and the field.
ModelProfile load_profile(const std::filesystem::path& model, int64_t default_side);

/// The profile in the file's format, with all optional fields.
io::OrderedJson to_json(const ModelProfile& profile);

/// "256x192".
std::string size_text(const PictureSize& size);

/// As Pipeline::warnings, with the number of condition pictures instead of the pictures. A width of
/// 0 means the model's default size.
std::vector<Warning> warnings_of(const ModelProfile& profile,
                                 const PictureSize& size,
                                 int64_t condition_images);

}  // namespace glm_image::pipeline
