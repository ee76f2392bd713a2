#pragma once

#include <string>

namespace glm_image::text {

/// Whether a JSON key names a text in the picture: title, mainText, sub_title, 标题; but not
/// text_color.
bool names_a_text(const std::u32string& key);

/// Whether a key names a text if the key of an enclosing object does:
/// {"title": {"content": …, "font": …}}.
bool names_content(const std::u32string& key);

}  // namespace glm_image::text
