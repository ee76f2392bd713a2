#include "c_api/guard.h"

namespace glm_image::c_api {

glm_image_status status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidInput:
      return GLM_IMAGE_INVALID_INPUT;
    case ErrorCode::kNotFound:
      return GLM_IMAGE_NOT_FOUND;
    case ErrorCode::kCorruptFile:
      return GLM_IMAGE_CORRUPT_FILE;
    case ErrorCode::kUnsupported:
      return GLM_IMAGE_UNSUPPORTED;
    case ErrorCode::kOutput:
      return GLM_IMAGE_OUTPUT;
    case ErrorCode::kOutOfMemory:
      return GLM_IMAGE_OUT_OF_MEMORY;
    case ErrorCode::kCancelled:
      return GLM_IMAGE_CANCELLED;
    case ErrorCode::kInternal:
      break;
  }
  return GLM_IMAGE_INTERNAL;
}

glm_image_status report(glm_image_error** error,
                        glm_image_status status,
                        const char* message) noexcept {
  if (error == nullptr) return status;
  try {
    *error = new glm_image_error{status, message};
  } catch (const std::bad_alloc&) {
    *error = nullptr;
  }
  return status;
}

}  // namespace glm_image::c_api

const char* glm_image_version() {
  return glm_image::version();
}

glm_image_status glm_image_error_status(const glm_image_error* error) {
  return error == nullptr ? GLM_IMAGE_OK : error->status;
}

const char* glm_image_error_message(const glm_image_error* error) {
  return error == nullptr ? "" : error->message.c_str();
}

void glm_image_error_free(glm_image_error* error) {
  delete error;
}
