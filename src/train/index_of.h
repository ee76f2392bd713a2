#pragma once

#include <algorithm>

#include "core/error.h"

namespace glm_image::train {

/// The place of the first entry that is the one; throws kInternal, naming `what`, when none is.
template <typename Entries, typename IsIt, typename What>
int64_t index_of(const Entries& entries, const IsIt& is_it, const What& what) {
  const auto found = std::find_if(entries.begin(), entries.end(), is_it);
  GLM_IMAGE_CHECK(found != entries.end(), "the poster data have no ", what);
  return found - entries.begin();
}

}  // namespace glm_image::train
