#pragma once

#include "core/text_format.h"
#include "glm_image/error.h"

namespace glm_image {

/// Throws an Error whose message is the concatenation of `parts`.
template <typename... Parts>
[[noreturn]] void fail(ErrorCode code, const Parts&... parts) {
  throw Error(code, concat(parts...));
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
