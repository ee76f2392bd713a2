#pragma once

#include <mutex>
#include <ostream>
#include <string>

#include "server/exchange.h"

namespace glm_image::server {

/// One line of JSON a request. Safe for any thread.
class RequestLog {
 public:
  explicit RequestLog(std::ostream& out) : out_(out) {}
  void write(const Exchange& exchange, int status);
  /// A fault of ours, which the answer does not tell.
  void fault(const std::string& message);

 private:
  void line(const std::string& text);

  std::mutex mutex_;
  std::ostream& out_;
};

}  // namespace glm_image::server
