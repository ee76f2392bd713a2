#pragma once

#include <stdexcept>
#include <string>

namespace glm_image {

/// The kind of a failure. It determines the program's exit code and the HTTP status: kInvalidInput
/// to kOutput are faults of the input, the others are faults of the library or the machine.
enum class ErrorCode {
  kInvalidInput,  ///< an argument, prompt, picture or field that is not allowed
  kNotFound,      ///< a file, component or device that does not exist
  kCorruptFile,   ///< a file whose contents do not match its format
  kUnsupported,   ///< well-formed, but not supported by this library
  kOutput,        ///< a path that a result cannot be written to
  kOutOfMemory,
  kCancelled,
  kInternal,
};

/// The one exception type of this library. what() is one sentence that names the file, field or
/// option at fault, what was expected and what was found.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// True for faults of the input, false for faults of the library or the machine.
inline bool is_bad_input(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidInput:
    case ErrorCode::kNotFound:
    case ErrorCode::kCorruptFile:
    case ErrorCode::kUnsupported:
    case ErrorCode::kOutput:
      return true;
    default:
      return false;
  }
}

}  // namespace glm_image
