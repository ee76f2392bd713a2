#pragma once

#include <exception>
#include <new>
#include <string>

#include "c_api/objects.h"
#include "glm_image/error.h"

/// Turns exceptions into status and error object at the border of the C interface.
namespace glm_image::c_api {

glm_image_status status_of(ErrorCode code) noexcept;

/// Stores a new error in `error`, if that is not null, and returns `status`. Without memory for it
/// `error` stays null.
glm_image_status report(glm_image_error** error,
                        glm_image_status status,
                        const char* message) noexcept;

/// Runs the body of a C function. Every exception becomes a status and an error.
template <typename Action>
glm_image_status guarded(glm_image_error** error, const Action& action) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    action();
    return GLM_IMAGE_OK;
  } catch (const Error& failure) {
    return report(error, status_of(failure.code()), failure.what());
  } catch (const std::bad_alloc&) {
    return report(error, GLM_IMAGE_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& failure) {
    return report(error, GLM_IMAGE_INTERNAL, failure.what());
  } catch (...) {
    return report(error, GLM_IMAGE_INTERNAL, "unknown exception");
  }
}

/// Returns what an argument points at. Throws kInvalidInput, naming it, if it is null.
template <typename Type>
Type& required(Type* argument, const char* name) {
  if (argument == nullptr) {
    throw Error(ErrorCode::kInvalidInput, std::string("the argument ") + name + " is NULL");
  }
  return *argument;
}

/// A text argument. Throws kInvalidInput, naming it, if it is null.
inline std::string required_text(const char* argument, const char* name) {
  return &required(argument, name);
}

/// Throws kInvalidInput for an enumeration's value that does not exist.
[[noreturn]] inline void refuse_value(const char* name, int value) {
  throw Error(ErrorCode::kInvalidInput,
              std::string("the argument ") + name + " has no value " + std::to_string(value));
}

}  // namespace glm_image::c_api
