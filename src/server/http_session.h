#pragma once

#include <deque>

#include "server/api_error.h"
#include "server/request_reader.h"
#include "server/socket_stream.h"

namespace glm_image::server {

class HttpService;
struct HttpRoute;

/// One connection. It reads a request, passes it to its route, sends the response and starts over.
/// Everything runs on the thread of HttpService::io, except AnswerSink's functions, and needs no
/// lock.
class HttpSession : public AnswerSink, public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(HttpService& service, std::unique_ptr<SocketStream> stream);

  void start();
  /// Closes the connection immediately.
  void close();
  /// Called about every 100 ms. Enforces the time limits.
  void tick();

  bool is_closed() const { return phase_ == Phase::kClosed; }
  /// Whether the table may remove it: closed, and no handler works for it.
  bool is_over() const { return is_closed() && exchange_ == nullptr; }
  bool is_lingering() const { return phase_ == Phase::kLinger; }
  bool waits_for_request() const;
  /// Also true if the client is slow to send a body or to read a response.
  bool waits_for_client() const;
  /// When the current phase began, plus the time that the slowest allowed rate grants for the bytes
  /// transferred. The slower of two connections has the smaller value.
  Clock::time_point progress() const;
  int64_t unsent_bytes() const { return unsent_; }

  void begin(Answer answer) override;
  void write(std::shared_ptr<const std::string> text) override;
  void end_stream() override;
  void wake() override;

 private:
  enum class Phase {
    kHandshake,
    kIdle,    ///< between requests
    kHead,    ///< reading a request's header
    kBody,    ///< reading a request's body
    kWork,    ///< the route runs, or its response is being sent
    kLinger,  ///< response sent; keeps reading so that the client can read it
    kClosed,
  };

  /// Closes the connection if `task` throws.
  template <typename Task>
  void guarded(const Task& task) noexcept {
    try {
      task();
    } catch (const std::exception& error) {
      close_after(error);
    }
  }
  void close_after(const std::exception& error) noexcept;
  bool handler_runs_or_waits() const;
  void enter(Phase phase);
  Clock::time_point deadline() const;
  void on_deadline();

  // Reading.
  void read();
  void on_read(const beast::error_code& error, std::size_t count);
  void on_end_of_input();
  void proceed();
  void proceed_in_turn();
  void linger();
  void take_requests();
  void on_head();
  void dispatch();
  void read_body();
  void refuse_body(const std::exception& error);
  void start_handler();
  void next_request();

  // Answering.
  void refuse(const ApiError& error);
  void begin_answer(const Answer& answer);
  std::string head_text(const Answer& answer) const;
  void send(std::shared_ptr<const std::string> text);
  void send_continue();
  void send_chunk(const std::shared_ptr<const std::string>& text);
  void flush();
  void on_written(const beast::error_code& error, std::size_t count);
  void run_step();
  void handler_done(bool goes_on, bool failed);
  void look_after_the_client();
  void finish_when_all_is_done();
  void finish_exchange();

  HttpService& service_;
  const std::unique_ptr<SocketStream> stream_;
  beast::flat_buffer buffer_;
  RequestReader reader_;
  Phase phase_ = Phase::kHandshake;
  Clock::time_point phase_began_ = Clock::now();
  Clock::time_point last_bytes_ = phase_began_;  // when the client sent something
  int64_t phase_bytes_ = 0;
  bool timed_out_ = false;
  bool is_new_ = true;  // until its first header is complete

  std::shared_ptr<Exchange> exchange_;
  const HttpRoute* route_ = nullptr;
  bool closes_ = false;  // after the response
  bool handler_runs_ = false, step_wanted_ = false;
  Clock::time_point half_closed_since_;
  bool is_half_closed_ = false, was_probed_ = false;

  std::deque<std::shared_ptr<const std::string>> out_;
  std::size_t sent_of_front_ = 0;
  int64_t unsent_ = 0, sent_ = 0;
  Clock::time_point sending_since_;
  bool is_writing_ = false, answer_began_ = false, answer_ended_ = false, is_chunked_ = false;
};

}  // namespace glm_image::server
