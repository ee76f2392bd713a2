#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glm_image {

/// The bytes of a text such as "8GB", "1.5 GiB" or "512mib": a number and a unit. kB, MB, GB and TB
/// are powers of 1000, KiB, MiB, GiB and TiB powers of 1024; B is one byte. Nothing for any other
/// text, for 0, and for more than 2^60 bytes.
std::optional<int64_t> parse_byte_size(std::string_view text);

/// "8.0 GB", or "12.5 MB" below 1 GB.
std::string byte_size_text(int64_t bytes);

}  // namespace glm_image
