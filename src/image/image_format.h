#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "glm_image/image_file.h"

namespace glm_image::image {

using glm_image::ImageFormat;

/// Returns the format for a file's extension, in upper or lower case: .png, .jpg, .jpeg or .webp.
/// Throws kInvalidInput for another one; call it before generating the picture.
ImageFormat format_from_path(const std::filesystem::path& path);

/// Returns the format of a file called `name` by its first bytes. Throws kCorruptFile for an empty
/// file and kUnsupported for another format, naming it if it is a common one.
ImageFormat format_from_bytes(std::string_view bytes, const std::string& name);

}  // namespace glm_image::image
