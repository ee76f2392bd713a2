#pragma once

#include "nano/posters/poster_source.h"
#include "support/test_support.h"

namespace glm_image::test {

inline std::filesystem::path poster_folder() {
  return project_dir() / "data" / "posters";
}

/// Loaded once for all tests.
inline const posters::PosterSource& poster_source() {
  static const auto source = posters::PosterSource::load(poster_folder());
  return source;
}

}  // namespace glm_image::test
