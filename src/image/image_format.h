#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace glm_image::image {

enum class ImageFormat { kPng, kJpeg, kWebp };

/// By the end of the name, in any case: .png, .jpg, .jpeg or .webp. Throws kInvalidInput for
/// another; ask before the hours of drawing.
ImageFormat format_from_path(const std::filesystem::path& path);

/// By the first bytes of a file called `name`. Throws kCorruptFile for an empty one, and
/// kUnsupported for any other format, by its name where it is a common one.
ImageFormat format_from_bytes(std::string_view bytes, const std::string& name);

}  // namespace glm_image::image
