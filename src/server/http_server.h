#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "server/exchange.h"

namespace glm_image::server {

/// Listens, bounds what clients can take, and gives each request to its route.
///
/// cpp-httplib parses requests and writes answers. The loop around a connection is ours: it has the
/// deadlines (HttpStream), knows all connections, and when there are too many drops the one that
/// has been silent longest.
class HttpServer : private HttpLibraryServer {
 public:
  using Route = std::function<void(Exchange&)>;

  explicit HttpServer(HttpLimits limits = {});
  ~HttpServer() override;

  /// Call these before start(). A path that ends in '*' stands for all that begin like it.
  void route(const std::string& method, const std::string& path, Route route);
  /// Runs before every route; what it throws is the answer.
  void set_guard(Route guard) { guard_ = std::move(guard); }
  /// Is told what went wrong behind an answer of 500 or more, which does not say it.
  void set_fault(std::function<void(const std::string&)> fault) { fault_ = std::move(fault); }
  /// Runs after every request that was one, answered or not.
  void set_log(std::function<void(const Exchange&, int status)> log) { log_ = std::move(log); }

  /// Listens from now on, on threads of its own; the port, which 0 leaves to the system. Throws
  /// kInvalidInput when the address is taken or none of this machine's.
  int start(const std::string& host, int port);
  /// Whether connections are still taken: not after stop(), nor once the system refuses to give
  /// any, for want of memory or files of all processes together.
  bool is_listening() const { return is_listening_; }
  /// Takes no more connections and ends those that wait for a request. The others have
  /// HttpLimits::stop_time to be answered.
  void stop();

 private:
  struct Connection {
    HttpStream stream;
    HttpStream::Clock::time_point waiting_since;
    bool is_waiting = true;  // for a request to be read
    std::unique_ptr<Exchange> exchange;
  };

  bool process_and_close_socket(int socket) override;
  void serve(Connection& connection);
  void begin(Connection& connection, httplib::Request& request);
  void end(Connection& connection);
  void drop_the_longest_silent();
  Exchange* exchange_of(const httplib::Request& request);
  const Route& find_route(const Exchange& exchange) const;
  HandlerResponse check(const httplib::Request& request, httplib::Response& response);
  void answer(Exchange& exchange, const Route& route);
  void tell_fault(const std::string& message) const;

  const HttpLimits limits_;
  std::map<std::string, std::map<std::string, Route>> routes_;  // by path, then method
  Route guard_;
  std::function<void(const Exchange&, int)> log_;
  std::function<void(const std::string&)> fault_;
  std::mutex mutex_;  // guards the next two
  std::set<Connection*> connections_;
  std::map<const httplib::Request*, Exchange*> exchanges_;
  std::condition_variable all_gone_;
  std::atomic<bool> is_listening_{true};
  std::thread listener_;
};

}  // namespace glm_image::server
