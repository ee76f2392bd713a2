#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace glm_image::image {

/// Returns the bytes of a regular file. Throws kNotFound if it cannot be opened or read,
/// kInvalidInput if it is a directory, a device or a pipe, or is larger than `max_bytes`.
std::string read_file_bytes(const std::filesystem::path& path, int64_t max_bytes);

}  // namespace glm_image::image
