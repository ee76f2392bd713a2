#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/authority.h"
#include "server/body_memory.h"

namespace glm_image::server {

/// A request without its body.
struct RequestHead {
  std::string method;
  std::string path;  ///< decoded, without the query
  /// From Host or an absolute target. Empty if an HTTP/1.0 request has neither.
  Authority authority;
  bool is_secure = false;
  int version = 11;  ///< 10 or 11
  bool keeps_alive = true;
  bool is_chunked = false;
  int64_t content_length = 0;
  std::string remote_address;
  std::string local_address;  ///< the local end of the connection
  int local_port = 0;
  std::vector<std::pair<std::string, std::string>> fields;

  /// Returns an empty string if the field is absent. Joins the values of a repeated field with a
  /// comma and a space. Names are case-insensitive.
  std::string field(const std::string& name) const;
  bool has_body() const { return is_chunked || content_length > 0; }
};

/// The response of a route. A streamed response has no body here.
struct Answer {
  int status = 0;
  std::string media_type;
  std::vector<std::pair<std::string, std::string>> fields;
  std::shared_ptr<const std::string> body;
  bool is_stream = false;
};

/// The connection that receives a response. Thread-safe; no function blocks.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void begin(Answer answer) = 0;
  /// Appends to a streamed response.
  virtual void write(std::shared_ptr<const std::string> text) = 0;
  virtual void end_stream() = 0;
  /// Requests another call of Exchange's step.
  virtual void wake() = 0;
};

/// One request and its response, from a route's point of view. Not thread-safe except where noted.
class Exchange {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Exchange(RequestHead head, std::shared_ptr<AnswerSink> sink);

  const std::string& method() const { return head_.method; }
  const std::string& path() const { return head_.path; }
  std::string content_type() const { return header("Content-Type"); }
  const std::string& remote_address() const { return head_.remote_address; }
  /// Empty if the header is absent.
  std::string header(const std::string& name) const { return head_.field(name); }
  /// The requested host and port.
  const Authority& authority() const { return head_.authority; }
  /// "https" over TLS, else "http".
  const char* scheme() const { return head_.is_secure ? "https" : "http"; }
  /// The local end of the connection, for URLs in responses.
  const std::string& local_address() const { return head_.local_address; }
  int local_port() const { return head_.local_port; }
  double seconds() const;

  /// Complete when the route is called.
  const std::string& body() const { return body_.bytes(); }
  /// Moves the body and its reservation out, for a route that needs them after it returns.
  Body take_body() { return std::move(body_); }

  /// Whether the connection is closed.
  bool client_is_gone() const { return gone_; }
  /// Whether the client closed its sending side some time ago. It may still read; a write() finds
  /// out.
  bool client_is_half_closed() const { return half_closed_; }

  void set_header(const std::string& name, const std::string& value);
  void answer(int status, std::string body, const std::string& media_type);
  /// As above, with a body that several responses share.
  void answer(int status, std::shared_ptr<const std::string> body, const std::string& media_type);

  /// Starts a response 200 with the data of write() until end_stream(). Without chunks, as in
  /// HTTP/1.0, closing the connection ends the response.
  void begin_stream(const std::string& media_type);
  /// Returns false if the client is gone.
  bool write(std::string text);
  void end_stream();
  /// Whether the client has read nearly everything written so far.
  bool is_caught_up() const;

  /// For long responses: after the route returns, `step` runs on a handler thread after each wake()
  /// and every 100 ms, until it returns false. It must not block.
  void continue_with(std::function<bool()> step) { step_ = std::move(step); }
  /// Returns a function that triggers the next step. It may be called from any thread, even after
  /// the response has ended.
  std::function<void()> waker() const;

  /// Written to the log with the request.
  std::string logged_prompt;
  std::atomic<int64_t> bytes_sent{0};

  // The functions below are for the connection.
  const RequestHead& head() const { return head_; }
  void set_body(Body body) { body_ = std::move(body); }
  /// Status of the response; 0 before it has begun.
  int status() const { return status_; }
  bool is_streaming() const { return is_streaming_; }
  void set_gone() { gone_ = true; }
  void set_half_closed() { half_closed_ = true; }
  void set_unsent(int64_t bytes) { unsent_ = bytes; }
  bool has_step() const { return static_cast<bool>(step_); }
  bool run_step() { return step_(); }
  void drop_step() { step_ = {}; }

 private:
  const RequestHead head_;
  const std::shared_ptr<AnswerSink> sink_;
  const Clock::time_point began_ = Clock::now();
  Body body_;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::function<bool()> step_;
  std::atomic<int> status_{0};
  std::atomic<bool> is_streaming_{false};
  std::atomic<bool> gone_{false}, half_closed_{false};
  std::atomic<int64_t> unsent_{0};
};

}  // namespace glm_image::server
