#pragma once

#include <chrono>
#include <cstdint>

namespace glm_image::server {

/// Limits on the time and memory that clients can use. docs/server.md has a table of them.
struct HttpLimits {
  std::chrono::seconds header_time{10};  ///< from a request's first byte to the end of its header
  std::chrono::seconds idle_time{15};    ///< between requests of one connection
  /// For a body, plus its size divided by the slowest rate; also the longest silence within it.
  std::chrono::seconds body_time{20};
  std::chrono::seconds write_time{30};  ///< likewise for responses
  std::chrono::seconds linger_time{2};  ///< for clients to read a response before the close
  std::chrono::seconds stop_time{5};    ///< for pending requests when the server stops
  int64_t slowest_bytes_per_second = 16 * 1024;
  int64_t max_header_bytes = 32 * 1024;  ///< including the request line
  int64_t max_connections = 256;
  int64_t max_body_memory = int64_t{320} << 20;    ///< of the bodies of all requests
  int64_t max_answer_memory = int64_t{512} << 20;  ///< of responses that clients have not read
  int handler_threads = 4;                         ///< threads for requests with a body
};

}  // namespace glm_image::server
