#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glm_image::io {

/// What the bytes of a file show when something else stands in its place: nothing at all, a Git LFS
/// pointer, a web page, or a link that was saved as text. The phrase continues "<file>: " and says
/// how to get the real file. Nothing for any other content.
std::optional<std::string> describe_stand_in(std::string_view bytes);

}  // namespace glm_image::io
