#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/prefix.h"
#include "glm_image/error.h"

namespace glm_image::cli {

/// The engine numbers the pictures to start from ("picture 2: …"). Returns such an error with the
/// picture's file in place of its number, and any other error as it is.
template <typename Path>
Error with_picture_file(const Error& error, const std::vector<Path>& files) {
  const std::string message = error.what();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto number = "picture " + std::to_string(i + 1) + ": ";
    if (!starts_with(message, number)) continue;
    const auto file = std::filesystem::path(files[i]).string();
    return Error(error.code(), file + ": " + message.substr(number.size()));
  }
  return error;
}

}  // namespace glm_image::cli
