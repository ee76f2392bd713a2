#include "server/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "core/error.h"
#include "server/api_error.h"
#include "server/connection_threads.h"
#include "server/header_value.h"

namespace glm_image::server {
namespace {

constexpr size_t kMaxPathBytes = 1024;
constexpr int kBacklog = 512;
/// Requests that one connection may carry.
constexpr int kMaxRequests = 1000;

/// Transfer codings that are not "chunked" alone would be read until the client hangs up.
bool is_chunked(const std::string& coding) {
  return lower(coding) == "chunked";
}

bool is_whole_number(const std::string& text) {
  constexpr size_t kMaxDigits = 18;
  return !text.empty() && text.size() <= kMaxDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Bodies whose length two readers could understand differently are refused.
void check_framing(const httplib::Request& request) {
  const auto count = [&](const char* name) { return request.get_header_value_count(name); };
  const bool has_length = count("Content-Length") > 0;
  if (count("Content-Length") > 1 || count("Transfer-Encoding") > 1 ||
      (has_length && count("Transfer-Encoding") > 0) ||
      (count("Transfer-Encoding") > 0 &&
       !is_chunked(request.get_header_value("Transfer-Encoding"))) ||
      (has_length && !is_whole_number(request.get_header_value("Content-Length")))) {
    throw ApiError(400, "the length of the body is not clear", "", "invalid_framing");
  }
  for (size_t i = 0; i < count("Content-Encoding"); ++i) {
    check_content_encoding(request.get_header_value("Content-Encoding", i));
  }
}

void answer_error(Exchange& exchange, const ApiError& error) {
  if (error.retry_after_seconds > 0) {
    exchange.set_header("Retry-After", std::to_string(error.retry_after_seconds));
  }
  if (error.status() == 401) exchange.set_header("WWW-Authenticate", "Bearer");
  exchange.answer(error.status(), error.json(), "application/json");
}

}  // namespace

HttpServer::HttpServer(HttpLimits limits) : limits_(limits) {
  // The library's own would let a second server listen on the same port, and the system share its
  // clients out among the two.
  set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  // More threads than connections: to turn the surplus away takes one too.
  constexpr size_t kSurplus = 8;
  new_task_queue = [this] {
    return new ConnectionThreads(static_cast<size_t>(limits_.max_connections) + kSurplus,
                                 [this] { drop_the_longest_silent(); });
  };
  set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    return check(request, response);
  });
  // check() lets only requests through that have a body to read.
  Post("/.*",
       [this](const httplib::Request& request,
              httplib::Response& response,
              const httplib::ContentReader& reader) {
         auto* exchange = exchange_of(request);
         exchange->attach(response, &reader);
         answer(*exchange, find_route(*exchange));
       });
  // What cpp-httplib refuses by itself: requests that are none.
  set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (!response.body.empty()) return;
    const ApiError error(response.status, "the request is not well-formed HTTP", "", "bad_request");
    response.set_content(error.json(), "application/json");
  });
  set_logger([this](const httplib::Request& request, const httplib::Response& response) {
    const auto* exchange = exchange_of(request);
    if (exchange != nullptr && log_) log_(*exchange, response.status);
  });
}

HttpServer::~HttpServer() {
  stop();
}

void HttpServer::route(const std::string& method, const std::string& path, Route route) {
  routes_[path][method] = std::move(route);
}

int HttpServer::start(const std::string& host, int port) {
  const int bound = port == 0 ? bind_to_any_port(host) : (bind_to_port(host, port) ? port : -1);
  if (bound < 0) {
    fail(ErrorCode::kInvalidInput,
         "cannot listen on ",
         host,
         ":",
         port,
         ": the address is taken, or none of this machine's");
  }
  // cpp-httplib asks for a backlog of 5, which a burst of clients overruns.
  ::listen(svr_sock_, kBacklog);
  listener_ = std::thread([this] {
    listen_after_bind();
    is_listening_ = false;
  });
  while (is_listening_ && !is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return bound;
}

void HttpServer::stop() {
  if (!listener_.joinable()) return;
  httplib::Server::stop();
  {
    std::unique_lock lock(mutex_);
    const auto cut = [](const Connection* connection) {
      ::shutdown(connection->stream.socket(), SHUT_RDWR);
    };
    for (auto* connection : connections_) {
      if (connection->is_waiting) cut(connection);
    }
    all_gone_.wait_for(lock, limits_.stop_time, [this] { return connections_.empty(); });
    for (auto* connection : connections_) cut(connection);
  }
  listener_.join();
}

bool HttpServer::process_and_close_socket(int socket) {
  Connection connection{HttpStream(socket, limits_), HttpStream::Clock::now(), true, nullptr};
  bool is_one_too_many = false;
  {
    const std::lock_guard lock(mutex_);
    is_one_too_many = static_cast<int64_t>(connections_.size()) >= limits_.max_connections;
    connections_.insert(&connection);
  }
  try {
    if (is_one_too_many) drop_the_longest_silent();
    serve(connection);
  } catch (const std::exception& error) {
    // Above this is a thread's end, and with it the program's.
    tell_fault(error.what());
    end(connection);
  }
  {
    // No one else may shut down a socket number that the system gives away again.
    const std::lock_guard lock(mutex_);
    connections_.erase(&connection);
    if (connections_.empty()) all_gone_.notify_all();
  }
  ::close(socket);
  return true;
}

void HttpServer::serve(Connection& connection) {
  for (int requests = 1; requests <= kMaxRequests && svr_sock_ != INVALID_SOCKET; ++requests) {
    {
      const std::lock_guard lock(mutex_);
      connection.is_waiting = true;
      connection.waiting_since = HttpStream::Clock::now();
    }
    if (!connection.stream.wait_for_request()) return;
    bool closes = false, is_request = false, had_body = false, wants_close = false;
    const bool answered = process_one_request(
        connection.stream, requests == kMaxRequests, closes, [&](httplib::Request& request) {
          begin(connection, request);
          is_request = true;
          had_body = connection.exchange->has_body();
          wants_close = connection.exchange->wants_close();
        });
    end(connection);
    // What is left unread is no request: the rest of a body, or of headers that were refused.
    const bool has_rest = had_body || !is_request;
    if (answered && has_rest) connection.stream.linger();
    if (!answered || closes || wants_close || has_rest) return;
  }
}

void HttpServer::begin(Connection& connection, httplib::Request& request) {
  connection.exchange = std::make_unique<Exchange>(request, connection.stream);
  const std::lock_guard lock(mutex_);
  exchanges_[&request] = connection.exchange.get();
  connection.is_waiting = false;
}

void HttpServer::end(Connection& connection) {
  const std::lock_guard lock(mutex_);
  for (auto it = exchanges_.begin(); it != exchanges_.end();) {
    it = it->second == connection.exchange.get() ? exchanges_.erase(it) : std::next(it);
  }
  connection.exchange.reset();
}

void HttpServer::drop_the_longest_silent() {
  const std::lock_guard lock(mutex_);
  Connection* silent = nullptr;
  for (auto* connection : connections_) {
    if (!connection->is_waiting) continue;
    if (silent == nullptr || connection->waiting_since < silent->waiting_since) silent = connection;
  }
  if (silent == nullptr) return;
  silent->is_waiting = false;  // dropped once
  ::shutdown(silent->stream.socket(), SHUT_RDWR);
}

Exchange* HttpServer::exchange_of(const httplib::Request& request) {
  const std::lock_guard lock(mutex_);
  const auto found = exchanges_.find(&request);
  return found == exchanges_.end() ? nullptr : found->second;
}

const HttpServer::Route& HttpServer::find_route(const Exchange& exchange) const {
  auto found = routes_.find(exchange.path());
  if (found == routes_.end()) {
    found = std::find_if(routes_.begin(), routes_.end(), [&](const auto& route) {
      const auto& path = route.first;
      return path.back() == '*' &&
             exchange.path().compare(0, path.size() - 1, path, 0, path.size() - 1) == 0;
    });
  }
  if (found == routes_.end()) {
    throw ApiError(404, "there is nothing at this path", "", "not_found");
  }
  const auto method = exchange.method() == "HEAD" ? "GET" : exchange.method();
  const auto route = found->second.find(method);
  if (route == found->second.end()) {
    throw ApiError(405, "this path does not take " + exchange.method(), "", "method_not_allowed");
  }
  return route->second;
}

httplib::Server::HandlerResponse HttpServer::check(const httplib::Request& request,
                                                   httplib::Response& response) {
  auto& exchange = *exchange_of(request);
  exchange.attach(response, nullptr);
  const Route* route = nullptr;
  try {
    if (request.path.size() > kMaxPathBytes) throw ApiError(414, "the path is too long");
    check_framing(request);
    exchange.check_expectation();
    if (guard_) guard_(exchange);
    route = &find_route(exchange);
  } catch (const ApiError& error) {
    answer_error(exchange, error);
    return HandlerResponse::Handled;
  }
  if (request.method == "POST") return HandlerResponse::Unhandled;
  answer(exchange, *route);
  return HandlerResponse::Handled;
}

void HttpServer::answer(Exchange& exchange, const Route& route) {
  try {
    route(exchange);
  } catch (const ApiError& error) {
    answer_error(exchange, error);
  } catch (const std::exception& error) {
    const auto answered = api_error(error);
    if (answered.status() >= 500) tell_fault(exchange.path() + ": " + error.what());
    answer_error(exchange, answered);
  }
}

void HttpServer::tell_fault(const std::string& message) const {
  if (fault_) fault_(message);
}

}  // namespace glm_image::server
