#pragma once

#include <cstdint>
#include <string>

namespace glm_image::server {

/// Number of connections that the process may have open.
struct FileRoom {
  int64_t connections = 0;
  std::string notice;  ///< set if that is fewer than wanted
};

/// Raises the process's limit of open files for `wanted` connections, as far as the system allows.
/// 32 files are reserved for the model's weights and others. Throws kInvalidInput if fewer than 8
/// connections remain.
FileRoom make_file_room(int64_t wanted);

}  // namespace glm_image::server
