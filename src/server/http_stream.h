#pragma once

#include <array>
#include <chrono>

#include "server/http_library.h"

namespace glm_image::server {

/// What a client may take of our time and memory, whatever it sends.
struct HttpLimits {
  std::chrono::seconds header_time{
      10};  ///< from the first byte of a request to the last of its headers
  std::chrono::seconds idle_time{15};   ///< between requests of one connection
  std::chrono::seconds body_time{20};   ///< of a body, besides what the slowest rate grants it
  std::chrono::seconds write_time{30};  ///< the same for answers
  std::chrono::seconds stop_time{5};    ///< of what is not yet answered when the server stops
  int64_t slowest_bytes_per_second = 16 * 1024;
  int64_t max_header_bytes = 32 * 1024;  ///< request line included
  int64_t max_connections = 256;
};

/// A client's socket as cpp-httplib reads and writes it, with a deadline for everything. The
/// library's own stream has a time limit for each read, which a client that sends a byte now and
/// then never meets.
class HttpStream : public HttpLibraryStream {
 public:
  using Clock = std::chrono::steady_clock;

  HttpStream(int socket, const HttpLimits& limits);

  /// Blocks until a request begins; false when none does.
  bool wait_for_request();
  /// From here on bytes are a body's, with what a transfer encoding adds; they count no more as
  /// headers. Of more than `max_bytes` nothing is read.
  void begin_body(int64_t max_bytes);
  bool body_is_too_long() const { return in_body_ && bytes_read_ >= max_body_bytes_; }
  /// Whether the client has closed its side.
  bool peer_is_gone() const;
  /// Lets the client read the answer before the socket goes: closing with unread bytes of a body in
  /// it would reset the connection.
  void linger();

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* ptr, size_t size) override;
  ssize_t write(const char* ptr, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  int socket() const override { return socket_; }

 private:
  bool wait(short events, Clock::time_point deadline) const;
  Clock::time_point read_deadline() const;

  const int socket_;
  const HttpLimits& limits_;
  std::array<char, 16384> buffer_{};
  size_t buffered_ = 0, taken_ = 0;
  bool in_body_ = false;
  int64_t max_body_bytes_ = 0;
  int64_t bytes_read_ = 0;  // of the headers, then of the body
  Clock::time_point began_;
};

}  // namespace glm_image::server
