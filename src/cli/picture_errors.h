#pragma once

#include <filesystem>
#include <vector>

#include "core/prefix.h"
#include "glm_image/error.h"
#include "pipeline/request_values.h"

namespace glm_image::cli {

/// The engine numbers the pictures to start from ("picture 2: …"). Returns such an error with the
/// picture's file in place of its number, and any other error as it is.
template <typename Path>
Error with_picture_file(const Error& error, const std::vector<Path>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (error.source() != pipeline::picture_name(i)) continue;
    return error.with_source(std::filesystem::path(files[i]).string());
  }
  return error;
}

}  // namespace glm_image::cli
