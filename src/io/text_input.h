#pragma once

#include <cstdint>
#include <string>

namespace glm_image::io {

/// Reads a user's text from a file, a pipe, a device, or standard input if `path` is "-". Removes a
/// leading UTF-8 byte order mark and converts line ends to \n, so that the editor does not matter.
/// Reads at most `max_bytes` + 1 bytes. Throws kNotFound if it cannot be opened; kInvalidInput if
/// it is a directory, is UTF-16 or UTF-32 (by its byte order mark), or has more than `max_bytes`.
std::string read_text_input(const std::string& path, int64_t max_bytes);

/// Whether `path`, as read_text_input takes it, can be read only once: standard input, a pipe, a
/// device.
bool is_stream(const std::string& path);

}  // namespace glm_image::io
