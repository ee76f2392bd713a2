#pragma once

#include <filesystem>
#include <string>

#include "io/json_file.h"

/// JSON objects that are kept between runs of the program, in $XDG_CACHE_HOME/glm-image (else in
/// ~/.cache/glm-image). Nothing here throws Error: a cache only saves time.
namespace glm_image::io {

/// Returns the path of the cache `name`, or an empty path if there is no home folder.
std::filesystem::path cache_file(const std::string& name);

/// Returns an empty object if `file` is empty, missing or damaged.
Json read_cache(const std::filesystem::path& file);

/// Does nothing if `file` is empty or cannot be written.
void write_cache(const std::filesystem::path& file, const Json& json);

}  // namespace glm_image::io
