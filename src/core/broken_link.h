#pragma once

#include <filesystem>
#include <string>

#include "core/text_format.h"

namespace glm_image {

/// Returns why `path` is missing if it is a dangling link, as in a copy of a download cache, else
/// "". The text continues "<path> ".
inline std::string describe_broken_link(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (!std::filesystem::is_symlink(status) || std::filesystem::exists(path, error)) return "";
  return concat("is a link to ",
                std::filesystem::read_symlink(path, error).string(),
                ", which does not exist; copy with links followed (cp -rL), or download "
                "it again");
}

}  // namespace glm_image
