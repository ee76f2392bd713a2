#pragma once

#include <string>
#include <string_view>

#include "cli/terminal_protocol.h"
#include "glm_image/image.h"

namespace glm_image::cli {

/// The bytes with which a terminal shows a picture at the cursor. A picture with a side over 512
/// pixels is scaled down. Empty for kNone.
std::string terminal_picture(const Image& image, PictureProtocol protocol);

/// kitty's graphics protocol: a PNG file, transmitted and displayed, without an answer.
/// https://sw.kovidgoyal.net/kitty/graphics-protocol
std::string kitty_picture(std::string_view png);

/// iTerm2's inline images: a picture file. https://iterm2.com/documentation-images.html
std::string iterm_picture(std::string_view file);

/// Sixel graphics (DEC STD 070) with the 216 colours whose red, green and blue are multiples of 51.
std::string sixel_picture(const Image& image);

}  // namespace glm_image::cli
