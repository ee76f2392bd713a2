#pragma once

#include <filesystem>

#include "support/program.h"

namespace glm_image::test {

/// The catalogue that the program reads. It is missing if gettext was when the program was built.
inline std::filesystem::path compiled_catalogue() {
  return std::filesystem::path(glm_image_program()).parent_path().parent_path() /
         "share/locale/fr/LC_MESSAGES/glm-image.mo";
}

}  // namespace glm_image::test
