#pragma once

#include <stdexcept>
#include <string>

#include "glm_image/error.h"

namespace glm_image::server {

/// A request that gets an error for an answer: an HTTP status and OpenAI's error object,
///   {"error": {"message", "type", "param", "code"}}.
class ApiError : public std::runtime_error {
 public:
  ApiError(int status, const std::string& message, std::string param = "", std::string code = "");

  int status() const { return status_; }
  /// The field at fault; empty for none.
  const std::string& param() const { return param_; }
  std::string json() const;
  /// For a client that should come back; 0 for none.
  int retry_after_seconds = 0;

 private:
  int status_;
  std::string param_;
  std::string code_;
};

/// Whatever was thrown as an answer. Messages about our own faults stay in the log: the answer says
/// only that there was one.
ApiError api_error(const std::exception& error);

}  // namespace glm_image::server
