#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "server/http_stream.h"

namespace glm_image::server {

/// One request and its answer, as a route sees them.
class Exchange {
 public:
  /// Writes to a streamed answer; false when the client is gone.
  using Write = std::function<bool(const std::string&)>;

  Exchange(httplib::Request& request, HttpStream& stream);

  const std::string& method() const { return request_.method; }
  const std::string& path() const { return request_.path; }
  const std::string& content_type() const { return content_type_; }
  const std::string& remote_address() const { return request_.remote_addr; }
  /// Empty when it is not there.
  std::string header(const std::string& name) const { return request_.get_header_value(name); }
  double seconds() const;
  bool has_body() const;
  /// Where the connection came in, for addresses in answers.
  const std::string& local_address() const { return request_.local_addr; }
  int local_port() const { return request_.local_port; }
  /// As the client announces it; 0 for none.
  int64_t content_length() const { return content_length_; }

  /// Whether nobody waits for the answer any more.
  bool client_is_gone() const { return stream_.peer_is_gone(); }
  /// Throws ApiError: 413 for more than `max_bytes`, 408 for a client that stopped or is too slow.
  std::string read_body(int64_t max_bytes);

  void set_header(const std::string& name, const std::string& value);
  void answer(int status, const std::string& body, const std::string& media_type);
  /// Answers 200 with what `produce` writes, when the route has returned. HTTP/1.0 knows no chunks:
  /// there the answer ends with the connection.
  void stream(const std::string& media_type, std::function<void(const Write&)> produce);

  /// What the log tells of the request besides.
  std::string logged_prompt;
  int64_t bytes_sent = 0;

  // For HttpServer.
  bool wants_close() const { return wants_close_; }
  /// Throws ApiError 417.
  void check_expectation() const;
  void attach(httplib::Response& response, const httplib::ContentReader* reader);

 private:
  httplib::Request& request_;
  HttpStream& stream_;
  httplib::Response* response_ = nullptr;
  const httplib::ContentReader* reader_ = nullptr;
  std::string content_type_;
  std::string expectation_;
  bool wants_close_ = false;
  int64_t content_length_ = 0;
  HttpStream::Clock::time_point began_;
};

}  // namespace glm_image::server
