#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glm_image::io {

/// Recognises content that was saved in place of the real file: no bytes at all, zero bytes of an
/// unfinished download, a Git LFS pointer, a web page, or a symbolic link saved as text. Returns a
/// phrase that continues "<file>", begins with ": " and says how to get the real file, or
/// std::nullopt for any other content.
std::optional<std::string> describe_stand_in(std::string_view bytes);

}  // namespace glm_image::io
