#pragma once

#include <stdexcept>
#include <string>
#include <utility>

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

/// What an Error is about. Both are empty where they do not apply.
struct ErrorPlace {
  /// What the message begins with: a file, a part of one, or a picture by its number ("picture 2").
  std::string source = "";
  /// The value at fault: a field of Request by its name in glm_image/request.h ("size" for width
  /// and height), or a key of a file, dotted where objects are nested.
  std::string field = "";
};

/// The one exception type of this library. what() is one sentence that names the file, field or
/// option at fault, what was expected and what was found.
class Error : public std::runtime_error {
 public:
  /// `message` is the whole sentence; it begins with `place.source`.
  Error(ErrorCode code, const std::string& message, ErrorPlace place = {})
      : std::runtime_error(message), code_(code), place_(std::move(place)) {}
  ErrorCode code() const noexcept { return code_; }
  const std::string& source() const noexcept { return place_.source; }
  const std::string& field() const noexcept { return place_.field; }

  /// The same error with another name of its source, which must not be empty.
  Error with_source(const std::string& source) const {
    return Error(
        code_, source + std::string(what() + place_.source.size()), {source, place_.field});
  }

 private:
  ErrorCode code_;
  ErrorPlace place_;
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
