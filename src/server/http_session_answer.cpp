// A connection's answers: see http_session.h.

#include <poll.h>

#include <algorithm>
#include <ctime>
#include <sstream>

#include "server/api_error.h"
#include "server/http_service.h"
#include "server/http_session.h"

namespace glm_image::server {
namespace {

constexpr int kNoContent = 204;
constexpr int kClientGone = 499;
/// Time after which the server checks whether a client that closed its sending side still reads.
constexpr std::chrono::milliseconds kProbeAfter{250};

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text;
}

std::shared_ptr<const std::string> shared(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

}  // namespace

void HttpSession::begin(Answer answer) {
  service_.on_io_thread([self = shared_from_this(), answer = std::move(answer)] {
    self->guarded([&] { self->begin_answer(answer); });
  });
}

void HttpSession::write(std::shared_ptr<const std::string> text) {
  service_.on_io_thread([self = shared_from_this(), text = std::move(text)] {
    self->guarded([&] {
      if (self->is_closed()) return;
      self->send_chunk(text);
      self->flush();
    });
  });
}

void HttpSession::end_stream() {
  service_.on_io_thread([self = shared_from_this()] {
    self->guarded([&] {
      if (self->is_closed() || self->answer_ended_) return;
      if (self->is_chunked_) self->send(shared("0\r\n\r\n"));
      self->answer_ended_ = true;
      self->flush();
    });
  });
}

void HttpSession::wake() {
  asio::post(service_.io,
             [self = shared_from_this()] { self->guarded([&] { self->run_step(); }); });
}

/// Sends an error for bytes that are not a valid request.
void HttpSession::refuse(const ApiError& error) {
  enter(Phase::kWork);
  closes_ = true;
  Answer answer{error.status(), "application/json", {}, shared(error.json()), false};
  begin_answer(answer);
}

std::string HttpSession::head_text(const Answer& answer) const {
  http::response<http::empty_body> response;
  response.version(exchange_ == nullptr ? 11 : static_cast<unsigned>(exchange_->head().version));
  response.result(static_cast<unsigned>(answer.status));
  response.set(http::field::date, http_date());
  for (const auto& [name, value] : answer.fields) response.set(name, value);
  if (answer.status != kNoContent) {
    response.set(http::field::content_type, answer.media_type);
    if (is_chunked_) response.chunked(true);
    if (!answer.is_stream) response.content_length(answer.body->size());
  }
  if (closes_) {
    response.set(http::field::connection, "close");
  } else if (response.version() == 10) {
    response.set(http::field::connection, "keep-alive");
  }
  std::ostringstream text;
  text << response.base();
  return text.str();
}

void HttpSession::begin_answer(const Answer& answer) {
  if (is_closed() || answer_began_) {
    finish_when_all_is_done();
    return;
  }
  answer_began_ = true;
  const auto* head = exchange_ == nullptr ? nullptr : &exchange_->head();
  is_chunked_ = answer.is_stream && (head == nullptr || head->version == 11);
  // Without chunks, as in HTTP/1.0, closing the connection ends a stream.
  closes_ = closes_ || service_.stopping || (answer.is_stream && !is_chunked_) ||
            (head != nullptr && !head->keeps_alive);
  send(shared(head_text(answer)));
  const bool has_body = answer.body != nullptr && answer.status != kNoContent &&
                        (head == nullptr || head->method != "HEAD");
  if (has_body) send(answer.body);
  answer_ended_ = !answer.is_stream;
  flush();
  service_.connections.bound_the_unsent(service_.limits.max_answer_memory);
}

void HttpSession::send(std::shared_ptr<const std::string> text) {
  if (text->empty()) return;
  if (unsent_ == 0) {
    sending_since_ = Clock::now();
    sent_ = 0;
  }
  const auto size = static_cast<int64_t>(text->size());
  out_.push_back(std::move(text));
  unsent_ += size;
  service_.connections.unsent_bytes += size;
}

void HttpSession::send_continue() {
  send(shared("HTTP/1.1 100 Continue\r\n\r\n"));
  flush();
}

void HttpSession::send_chunk(const std::shared_ptr<const std::string>& text) {
  if (is_chunked_) {
    std::ostringstream line;
    line << std::hex << text->size() << "\r\n";
    send(shared(line.str()));
  }
  send(text);
  if (is_chunked_) send(shared("\r\n"));
  service_.connections.bound_the_unsent(service_.limits.max_answer_memory);
}

void HttpSession::flush() {
  if (is_closed() || is_writing_) return;
  if (out_.empty()) {
    finish_when_all_is_done();
    return;
  }
  SocketStream::Pieces pieces{};
  for (std::size_t i = 0; i < std::min(pieces.size(), out_.size()); ++i) {
    const auto skipped = i == 0 ? sent_of_front_ : 0;
    pieces[i] = asio::buffer(out_[i]->data() + skipped, out_[i]->size() - skipped);
  }
  is_writing_ = true;
  stream_->write_some(pieces,
                      [self = shared_from_this()](beast::error_code error, std::size_t count) {
                        self->guarded([&] { self->on_written(error, count); });
                      });
}

void HttpSession::on_written(const beast::error_code& error, std::size_t count) {
  is_writing_ = false;
  if (is_closed()) {
    out_.clear();
    return;
  }
  if (error) {
    close();
    return;
  }
  unsent_ -= static_cast<int64_t>(count);
  sent_ += static_cast<int64_t>(count);
  service_.connections.unsent_bytes -= static_cast<int64_t>(count);
  if (exchange_ != nullptr) exchange_->set_unsent(unsent_);
  while (count > 0) {
    const auto rest = out_.front()->size() - sent_of_front_;
    if (count < rest) {
      sent_of_front_ += count;
      break;
    }
    count -= rest;
    sent_of_front_ = 0;
    out_.pop_front();
  }
  flush();
}

void HttpSession::run_step() {
  step_wanted_ = handler_runs_;
  // While a handler runs, its thread owns the exchange.
  if (handler_runs_ || exchange_ == nullptr || !exchange_->has_step()) return;
  handler_runs_ = true;
  try {
    service_.in_handler([self = shared_from_this(), exchange = exchange_]() mutable {
      bool goes_on = false, failed = true;
      auto& service = self->service_;
      service.run_guarded(*exchange, [&] {
        goes_on = exchange->run_step();
        failed = false;
      });
      if (!goes_on) exchange->drop_step();
      service.body_memory->trim();
      service.on_io_thread([self = std::move(self), goes_on, failed] {
        self->guarded([&] { self->handler_done(goes_on, failed); });
      });
    });
  } catch (const std::bad_alloc&) {
    // The next tick retries.
    handler_runs_ = false;
  }
}

/// Called after a route or a step has returned.
void HttpSession::handler_done(bool goes_on, bool failed) {
  handler_runs_ = false;
  if (goes_on) {
    if (step_wanted_) run_step();
    return;
  }
  // Closing is the only way to signal an error in a stream. A missing response is an internal
  // error.
  if (failed && exchange_ != nullptr && exchange_->is_streaming()) {
    close();
  } else if (exchange_ != nullptr && exchange_->status() == 0) {
    service_.answer_error(*exchange_, std::runtime_error("a route gave no answer"));
  }
  finish_when_all_is_done();
}

/// Checks whether a client that waits for a long response is still there. A client that closed its
/// sending side may still read; only sending data shows whether it does.
void HttpSession::look_after_the_client() {
  pollfd poll{stream_->socket().native_handle(), POLLRDHUP, 0};
  if (::poll(&poll, 1, 0) <= 0) return;
  if ((poll.revents & (POLLERR | POLLHUP)) != 0) {
    close();
    return;
  }
  if ((poll.revents & POLLRDHUP) == 0) return;
  if (!is_half_closed_) {
    is_half_closed_ = true;
    half_closed_since_ = Clock::now();
  }
  if (was_probed_ || Clock::now() < half_closed_since_ + kProbeAfter) return;
  was_probed_ = true;
  exchange_->set_half_closed();
  // HTTP/1.1 clients ignore an interim response. If the client is gone, its system sends a reset.
  if (!answer_began_ && exchange_->head().version == 11) send_continue();
}

void HttpSession::finish_when_all_is_done() {
  if (exchange_ != nullptr && (handler_runs_ || exchange_->has_step())) return;
  if (is_closed()) {
    if (exchange_ != nullptr) finish_exchange();
    return;
  }
  if (!answer_ended_ || !out_.empty()) return;
  if (exchange_ != nullptr) finish_exchange();
  answer_ended_ = false;
  if (closes_) {
    linger();
  } else {
    next_request();
  }
}

void HttpSession::finish_exchange() {
  const auto exchange = std::move(exchange_);
  exchange_ = nullptr;
  service_.tell_request(*exchange, exchange->status() == 0 ? kClientGone : exchange->status());
}

}  // namespace glm_image::server
