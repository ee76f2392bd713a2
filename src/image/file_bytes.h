#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace glm_image::image {

/// The bytes of a regular file. Throws kNotFound when it cannot be opened or read, kInvalidInput
/// when it is a directory, a device or a pipe, or larger than `max_bytes`.
std::string read_file_bytes(const std::filesystem::path& path, int64_t max_bytes);

}  // namespace glm_image::image
