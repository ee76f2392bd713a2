#pragma once

#include <cerrno>

#include "core/error.h"

namespace glm_image {

/// An output that the machine cannot take, although its path is right: its disk is full, for
/// example. The code is kOutput, but the input is not at fault, so the program's exit code is 1.
class OutputFailure : public Error {
 public:
  explicit OutputFailure(const std::string& message) : Error(ErrorCode::kOutput, message) {}
};

/// Throws kOutput whose message is the concatenation of `parts`. It is an OutputFailure if `error`,
/// of errno, means that the machine cannot take the output.
template <typename... Parts>
[[noreturn]] void fail_output(int error, const Parts&... parts) {
  switch (error) {
    case ENOSPC:  // no space left
    case EDQUOT:  // a user's quota
    case EFBIG:   // `ulimit -f`, or the file system's limit
    case EIO:
      throw OutputFailure(concat(parts...));
    default:
      fail(ErrorCode::kOutput, parts...);
  }
}

}  // namespace glm_image
