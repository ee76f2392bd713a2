#pragma once

#include <stdexcept>
#include <string>

#include "glm_image/error.h"

namespace glm_image::server {

/// An error response: an HTTP status and OpenAI's error object,
///   {"error": {"message", "type", "param", "code"}}.
class ApiError : public std::runtime_error {
 public:
  ApiError(int status, const std::string& message, std::string param = "", std::string code = "");

  int status() const { return status_; }
  /// The invalid field; empty for none.
  const std::string& param() const { return param_; }
  std::string json() const;
  /// Value of Retry-After; 0 for none.
  int retry_after_seconds = 0;

 private:
  int status_;
  std::string param_;
  std::string code_;
};

/// Converts any exception to a response. The response does not contain messages about internal
/// errors; only the log does.
ApiError api_error(const std::exception& error);

}  // namespace glm_image::server
