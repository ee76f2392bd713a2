#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glm_image::image {

/// Returns an Exif block with a comment (UserComment, 0x9286, in UTF-16) and the name of the
/// program (Software, 0x0131, ASCII). This is where picture browsers look for generation
/// parameters in JPEG and WebP files. `comment` is UTF-8; invalid bytes are replaced.
std::string exif_with_comment(std::string_view comment, const std::string& software);

/// Returns the comment of an Exif block as UTF-8, or std::nullopt if the block has no comment or is
/// damaged before it. UTF-16 is read in either byte order: writers disagree about which one a block
/// in the other order has.
std::optional<std::string> exif_comment(std::string_view block);

}  // namespace glm_image::image
