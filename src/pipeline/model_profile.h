#pragma once

#include <filesystem>

#include "glm_image/pipeline.h"
#include "io/json_text.h"

/// What a model was trained for, and what to expect where a request asks for something else.
namespace glm_image::pipeline {

/// The file in a model's folder; docs/models.md describes it.
inline constexpr const char* kProfileFile = "glm_image.json";

/// Reads the file, which may be absent. `default_side` is the side of the model's own square in
/// pixels: the sizes that the file leaves out are this square and the usual shapes of the same
/// area. Throws kCorruptFile naming the file and the field.
ModelProfile load_profile(const std::filesystem::path& model, int64_t default_side);

/// The profile as the file has it, with everything that a file may leave out.
io::OrderedJson to_json(const ModelProfile& profile);

/// "256x192".
std::string size_text(const PictureSize& size);

/// As Pipeline::warnings, of a request whose pictures to start from are not at hand. A width of 0
/// stands for the model's own size.
std::vector<Warning> warnings_of(const ModelProfile& profile,
                                 const PictureSize& size,
                                 int64_t condition_images);

}  // namespace glm_image::pipeline
