#pragma once

#include <string>
#include <vector>

namespace glm_image::server {

/// A file of the page, built into the program from web/.
struct PageFile {
  std::string path;  ///< "/" or "/page.js"
  std::string media_type;
  std::string content;
};

const std::vector<PageFile>& page_files();

/// Allows only the page's own files and pictures that it creates itself.
inline constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace glm_image::server
