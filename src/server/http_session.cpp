// A connection's phases, deadlines and reading. Responses are in http_session_answer.cpp.

#include "server/http_session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

#include "server/api_error.h"
#include "server/header_value.h"
#include "server/http_service.h"

namespace glm_image::server {
namespace {

constexpr std::size_t kIdleReadBytes = 1024;
constexpr std::size_t kHeadReadBytes = 8 * 1024;
constexpr std::size_t kBodyReadBytes = 64 * 1024;
constexpr int64_t kMaxLingerBytes = int64_t{64} << 20;
/// At most 1/4 of the connections may linger.
constexpr int64_t kShareOfLingering = 4;
constexpr std::size_t kMaxBufferBytes = std::size_t{1} << 20;

std::string text_of(const asio::ip::address& address) {
  // IPv4 clients of a dual-stack socket have mapped addresses.
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

void tell_addresses(const tcp::socket& socket, RequestHead& head) {
  beast::error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (!error) head.remote_address = text_of(remote.address());
  const auto local = socket.local_endpoint(error);
  if (error) return;
  head.local_address = text_of(local.address());
  head.local_port = local.port();
}

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

void set_options(int socket) {
  // Limits the kernel memory of unread responses, which may otherwise reach megabytes.
  constexpr int kSendBufferBytes = 256 * 1024;
  set_option(socket, SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  // Detects within a minute that a client has vanished.
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

HttpSession::HttpSession(HttpService& service, std::unique_ptr<SocketStream> stream)
    : service_(service),
      stream_(std::move(stream)),
      buffer_(kMaxBufferBytes),
      reader_(service.limits.max_header_bytes) {}

void HttpSession::close_after(const std::exception& error) noexcept {
  service_.tell_fault("a connection", error);
  close();
}

void HttpSession::enter(Phase phase) {
  phase_ = phase;
  phase_began_ = last_bytes_ = Clock::now();
  phase_bytes_ = 0;
}

bool HttpSession::waits_for_request() const {
  return phase_ == Phase::kHandshake || phase_ == Phase::kIdle || phase_ == Phase::kHead ||
         phase_ == Phase::kLinger;
}

bool HttpSession::handler_runs_or_waits() const {
  return exchange_ != nullptr && (handler_runs_ || exchange_->has_step());
}

bool HttpSession::waits_for_client() const {
  return waits_for_request() || phase_ == Phase::kBody || unsent_ > 0;
}

Clock::time_point HttpSession::progress() const {
  const bool sends = unsent_ > 0;
  const auto granted = std::chrono::milliseconds(1000 * (sends ? sent_ : phase_bytes_) /
                                                 service_.limits.slowest_bytes_per_second);
  return (sends ? sending_since_ : phase_began_) + granted;
}

Clock::time_point HttpSession::deadline() const {
  const auto& limits = service_.limits;
  if (unsent_ > 0) return progress() + limits.write_time;
  switch (phase_) {
    case Phase::kHandshake:
    case Phase::kHead:
      return phase_began_ + limits.header_time;
    case Phase::kIdle:
      return phase_began_ + limits.idle_time;
    case Phase::kBody:
      // Bytes that came fast do not pay for silence, while the body reserves its memory.
      return std::min(progress(), last_bytes_) + limits.body_time;
    case Phase::kLinger:
      return phase_began_ + limits.linger_time;
    case Phase::kWork:
    case Phase::kClosed:
      break;
  }
  return Clock::time_point::max();
}

void HttpSession::on_deadline() {
  if (unsent_ > 0 || (phase_ != Phase::kHead && phase_ != Phase::kBody)) {
    close();
    return;
  }
  timed_out_ = true;
  stream_->cancel();
}

void HttpSession::tick() {
  guarded([this] {
    if (!is_closed() && Clock::now() > deadline()) on_deadline();
    if (!is_closed() && handler_runs_or_waits()) look_after_the_client();
    if (!handler_runs_) run_step();
  });
}

void HttpSession::start() {
  guarded([this] {
    set_options(stream_->socket().native_handle());
    stream_->handshake([self = shared_from_this()](beast::error_code error, std::size_t) {
      self->guarded([&] {
        if (self->is_closed()) return;
        if (error) {
          self->close();
        } else {
          self->next_request();
        }
      });
    });
  });
}

void HttpSession::close() {
  if (is_closed()) return;
  enter(Phase::kClosed);
  service_.connections.count_closed();
  service_.connections.unsent_bytes -= unsent_;
  unsent_ = 0;
  stream_->close();
  if (exchange_ == nullptr) return;
  exchange_->set_gone();
  // An unfinished step learns this from the next tick().
  finish_when_all_is_done();
}

void HttpSession::next_request() {
  enter(Phase::kIdle);
  reader_.reset();
  route_ = nullptr;
  closes_ = answer_began_ = answer_ended_ = is_half_closed_ = was_probed_ = timed_out_ = false;
  if (buffer_.size() == 0) {
    // Idle connections may be many, so free the buffer of the last request.
    buffer_.clear();
    buffer_.shrink_to_fit();
    if (service_.stopping) {
      close();
    } else {
      read();
    }
    return;
  }
  proceed_in_turn();
}

void HttpSession::read() {
  const auto size = phase_ == Phase::kBody || phase_ == Phase::kLinger ? kBodyReadBytes
                    : buffer_.size() < kIdleReadBytes                  ? kIdleReadBytes
                                                                       : kHeadReadBytes;
  auto done = [self = shared_from_this()](beast::error_code error, std::size_t count) {
    self->guarded([&] { self->on_read(error, count); });
  };
  if (phase_ == Phase::kLinger) {
    stream_->drain_some(buffer_.prepare(size), std::move(done));
  } else {
    stream_->read_some(buffer_.prepare(size), std::move(done));
  }
}

void HttpSession::on_read(const beast::error_code& error, std::size_t count) {
  if (is_closed()) return;
  buffer_.commit(count);
  phase_bytes_ += static_cast<int64_t>(count);
  last_bytes_ = Clock::now();
  if (error || timed_out_) {
    on_end_of_input();
  } else if (is_new_) {
    // A new connection does not wait for the requests of others.
    proceed();
  } else {
    proceed_in_turn();
  }
}

void HttpSession::on_end_of_input() {
  if (phase_ == Phase::kHead) {
    refuse(timed_out_ ? ApiError(408, "the request was not complete in time", "", "timeout")
                      : ApiError(400, "the request is incomplete", "", "bad_request"));
  } else if (phase_ == Phase::kBody) {
    refuse_body(ApiError(408, "the body was not complete in time", "", "body_incomplete"));
  } else {
    close();
  }
}

void HttpSession::proceed_in_turn() {
  service_.turns.add([self = shared_from_this()] {
    self->guarded([&] {
      if (!self->is_closed()) self->proceed();
    });
  });
}

void HttpSession::proceed() {
  if (phase_ == Phase::kLinger) {
    linger();
  } else if (phase_ == Phase::kBody) {
    read_body();
  } else {
    take_requests();
  }
}

/// Reads until the client closes. Closing a socket with unread data resets the connection, and the
/// client might lose the response.
void HttpSession::linger() {
  if (phase_ != Phase::kLinger) {
    enter(Phase::kLinger);
    const auto& limits = service_.limits;
    service_.connections.bound_the_lingering(limits.max_connections / kShareOfLingering);
    if (is_closed()) return;
    stream_->send_end([self = shared_from_this()](beast::error_code, std::size_t) {
      self->guarded([&] {
        if (!self->is_closed()) self->proceed();
      });
    });
    return;
  }
  buffer_.clear();
  if (phase_bytes_ > kMaxLingerBytes) {
    close();
  } else {
    read();
  }
}

void HttpSession::take_requests() {
  if (phase_ == Phase::kIdle) enter(Phase::kHead);
  try {
    if (!reader_.read_head(buffer_)) {
      read();
      return;
    }
    is_new_ = false;
    auto head = reader_.head();
    tell_addresses(stream_->socket(), head);
    head.is_secure = stream_->is_secure();
    exchange_ = std::make_shared<Exchange>(std::move(head), shared_from_this());
  } catch (const ApiError& error) {
    refuse(error);
    return;
  }
  enter(Phase::kWork);
  on_head();
}

/// Chooses the route of a request or refuses it, before the body is read.
void HttpSession::on_head() {
  auto& exchange = *exchange_;
  const auto& head = exchange.head();
  // If the body is not read, no further request can follow.
  closes_ = head.has_body();
  // HTTP/1.0 has no Expect.
  const auto expectation = head.version == 11 ? head.field("Expect") : "";
  int64_t max_body_bytes = 0;
  try {
    check_expectation(expectation);
    check_content_encoding(head.field("Content-Encoding"));
    if (service_.guard) service_.guard(exchange);
    route_ = &service_.find_route(exchange);
    if (route_->max_body_bytes) max_body_bytes = route_->max_body_bytes(exchange);
    if (route_->max_body_bytes && head.content_length > max_body_bytes) {
      throw body_too_large(max_body_bytes);
    }
  } catch (const std::exception& error) {
    service_.answer_error(exchange, error);
    return;
  }
  if (!route_->max_body_bytes) {
    service_.run_guarded(exchange, [&] { route_->handle(exchange); });
  } else if (!head.has_body()) {
    start_handler();
  } else {
    enter(Phase::kBody);
    reader_.begin_body(service_.body_memory, max_body_bytes);
    if (!expectation.empty()) send_continue();
    if (!is_closed()) read_body();
  }
}

void HttpSession::read_body() {
  try {
    if (!reader_.read_body(buffer_)) {
      read();
      return;
    }
  } catch (const std::exception& error) {
    refuse_body(error);
    return;
  }
  enter(Phase::kWork);
  closes_ = false;
  exchange_->set_body(reader_.take_body());
  start_handler();
}

void HttpSession::refuse_body(const std::exception& error) {
  enter(Phase::kWork);
  reader_.reset();
  service_.answer_error(*exchange_, error);
}

void HttpSession::start_handler() {
  handler_runs_ = step_wanted_ = true;
  try {
    service_.in_handler(
        [self = shared_from_this(), exchange = exchange_, route = route_]() mutable {
          auto& service = self->service_;
          if (!exchange->client_is_gone()) {
            service.run_guarded(*exchange, [&] { route->handle(*exchange); });
          }
          if (!exchange->has_step()) exchange->take_body();  // releases the reservation
          service.body_memory->trim();
          service.on_io_thread([self = std::move(self), goes_on = exchange->has_step()] {
            self->guarded([&] { self->handler_done(goes_on, /*failed=*/false); });
          });
        });
  } catch (const std::bad_alloc& error) {
    handler_runs_ = false;
    service_.answer_error(*exchange_, error);
  }
}

}  // namespace glm_image::server
