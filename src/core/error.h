#pragma once

#include "core/text_format.h"
#include "glm_image/error.h"

namespace glm_image {

/// Throws an Error whose message is the concatenation of `parts`.
template <typename... Parts>
[[noreturn]] void fail(ErrorCode code, const Parts&... parts) {
  throw Error(code, concat(parts...));
}

/// Throws an Error about `place` whose message is its source, if it has one, and `parts`.
template <typename... Parts>
[[noreturn]] void fail_at(ErrorCode code, const ErrorPlace& place, const Parts&... parts) {
  throw Error(code, concat(place.source, parts...), place);
}

/// Checks an invariant that only a bug in this library can violate; throws kInternal.
#define GLM_IMAGE_CHECK(condition, ...)                    \
  do {                                                     \
    if (!(condition)) {                                    \
      ::glm_image::fail(::glm_image::ErrorCode::kInternal, \
                        "internal error: ",                \
                        ::glm_image::concat(__VA_ARGS__),  \
                        " (" #condition ", " __FILE__ ":", \
                        __LINE__,                          \
                        ")");                              \
    }                                                      \
  } while (false)

}  // namespace glm_image
