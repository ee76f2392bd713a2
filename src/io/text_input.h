#pragma once

#include <cstdint>
#include <string>

namespace glm_image::io {

/// A text that a person wrote, from a file, a pipe, a device, or standard input if `path` is "-".
/// A UTF-8 byte order mark at its beginning is dropped and line ends become \n, so that an editor's
/// habits change nothing. Reads at most `max_bytes` + 1 bytes. Throws kNotFound when it cannot be
/// opened; kInvalidInput when it is a directory, is UTF-16 or UTF-32 (by its byte order mark), or
/// holds more than `max_bytes`.
std::string read_text_input(const std::string& path, int64_t max_bytes);

}  // namespace glm_image::io
