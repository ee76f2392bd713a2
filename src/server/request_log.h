#pragma once

#include <memory>
#include <string>

#include "server/exchange.h"

namespace glm_image::server {

/// Writes one line of JSON per request. Thread-safe. It never waits for the log's reader: its own
/// thread writes the lines, and if nobody reads them, it drops and counts them.
class RequestLog {
 public:
  /// Writes to a file descriptor, which must stay open.
  explicit RequestLog(int descriptor);
  /// Waits at most half a second for the remaining lines.
  ~RequestLog();

  void write(const Exchange& exchange, int status);
  /// Logs an internal error, which the response does not contain.
  void fault(const std::string& message);
  /// Logs a message to the server's operator.
  void notice(const std::string& message);

 private:
  class Writer;
  void line(std::string text);

  const std::shared_ptr<Writer> writer_;
};

}  // namespace glm_image::server
