#pragma once

#include <stdexcept>
#include <string>

namespace glm_image {

/// Why something failed. It decides the exit code of the program and the status of an HTTP answer:
/// what the caller gave (kInvalidInput to kOutput) against what we or the machine did (the others).
enum class ErrorCode {
  kInvalidInput,  ///< an argument, a prompt, a picture or a field outside what is allowed
  kNotFound,      ///< a file, a component or a device that is not there
  kCorruptFile,   ///< a file that is there but does not hold what its format says
  kUnsupported,   ///< well-formed, but outside what this program can do
  kOutput,        ///< a path that a result cannot be written to
  kOutOfMemory,
  kCancelled,
  kInternal,
};

/// The one exception type of this library. what() is one sentence for a person: it names the file,
/// field or option at fault, what was expected and what was found.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// True for faults of the input, as against faults of ours.
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
