#pragma once

#include <filesystem>
#include <string>

#include "core/text_format.h"

namespace glm_image {

/// Why a path that cannot be opened is missing, if it is a symbolic link without its target, as in
/// a copy of a download cache: a phrase that continues "<path> ". Else empty.
inline std::string describe_broken_link(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (!std::filesystem::is_symlink(status) || std::filesystem::exists(path, error)) return "";
  return concat("is a link to ",
                std::filesystem::read_symlink(path, error).string(),
                ", which is not there; copy the files that links name too (cp -rL), or download "
                "it again");
}

}  // namespace glm_image
