#pragma once

#include <string>

namespace glm_image::text {

/// A key of JSON that names a text in the picture: title, mainText, sub_title, 标题; but not
/// text_color.
bool names_a_text(const std::u32string& key);

/// A key that names a text if an object around it does: {"title": {"content": …, "font": …}}.
bool names_content(const std::u32string& key);

}  // namespace glm_image::text
