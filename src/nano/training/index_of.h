#pragma once

#include <algorithm>

#include "core/error.h"

namespace glm_image::nano {

/// Index of the first entry for which `is_it` is true. Throws kInternal naming `what` if there is
/// no such entry.
template <typename Entries, typename IsIt, typename What>
int64_t index_of(const Entries& entries, const IsIt& is_it, const What& what) {
  const auto found = std::find_if(entries.begin(), entries.end(), is_it);
  GLM_IMAGE_CHECK(found != entries.end(), "the poster data do not define ", what);
  return found - entries.begin();
}

}  // namespace glm_image::nano
