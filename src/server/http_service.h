#pragma once

#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>

#include "server/boost.h"
#include "server/connection_table.h"
#include "server/http_server.h"
#include "server/socket_stream.h"
#include "server/turn_queue.h"

namespace glm_image::server {

/// State that all connections of a server share. Only the thread that runs `io` may use it, except
/// run_guarded, tell_fault, in_handler and on_io_thread.
class HttpService {
 public:
  HttpService(HttpLimits given, std::shared_ptr<BodyMemory> memory)
      : limits(given),
        body_memory(std::move(memory)),
        handlers(static_cast<std::size_t>(given.handler_threads)) {}

  /// Throws ApiError 404 or 405.
  const HttpRoute& find_route(Exchange& exchange) const;
  /// Runs `action` and converts an exception to a response.
  void run_guarded(Exchange& exchange, const std::function<void()>& action) const;
  void answer_error(Exchange& exchange, const std::exception& error) const;
  /// Never throws: without memory, the message is lost.
  void tell_fault(const char* where, const std::exception& error) const noexcept;
  void tell_request(const Exchange& exchange, int status) const noexcept;

  /// Runs `task` on a handler thread. The task must not throw.
  void in_handler(std::function<void()> task);
  /// Runs `task` on the thread of `io`, immediately if that is the calling thread. Retries while
  /// memory is short, because a response must not get lost.
  template <typename Task>
  void on_io_thread(const Task& task) {
    if (io.get_executor().running_in_this_thread()) {
      task();
      return;
    }
    while (true) {
      try {
        asio::post(io, task);
        return;
      } catch (const std::bad_alloc&) {
        std::this_thread::sleep_for(kMemoryPause);
      }
    }
  }

  static constexpr std::chrono::milliseconds kMemoryPause{20};

  const HttpLimits limits;
  const std::shared_ptr<BodyMemory> body_memory;
  std::map<std::string, std::map<std::string, HttpRoute>> routes;  // by path, then method
  std::function<void(Exchange&)> guard;
  std::function<void(const Exchange&, int)> log;
  std::function<void(const std::string&)> fault;
  std::unique_ptr<asio::ssl::context> tls;
  bool stopping = false;
  asio::io_context io{1};
  TurnQueue turns{io};
  asio::thread_pool handlers;
  ConnectionTable connections;  // last: its sockets must be destroyed before `io`
};

}  // namespace glm_image::server
