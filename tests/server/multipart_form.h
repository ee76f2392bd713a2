#pragma once

#include <string>
#include <utility>
#include <vector>

namespace glm_image::test {

/// A multipart body with the boundary "b". Each part is what follows "form-data; " in its head, and
/// its content.
inline std::string form(const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string body;
  for (const auto& [head, content] : parts) {
    body += "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n";
  }
  return body + "--b--\r\n";
}

}  // namespace glm_image::test
