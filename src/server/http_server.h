#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/exchange.h"
#include "server/http_limits.h"

namespace glm_image::server {

class HttpService;

/// The handler of a path and a method.
struct HttpRoute {
  std::function<void(Exchange&)> handle;
  /// The largest body that the route accepts for this request. Called before the body is read; an
  /// exception becomes the response. Empty for a route without a body: such a route runs on the
  /// thread of all connections and must be quick. Other routes run on a handler thread.
  std::function<int64_t(const Exchange&)> max_body_bytes;
};

/// Paths of a certificate chain and its key, in PEM; both empty for plain HTTP.
struct TlsFiles {
  std::string certificate, key;
};

/// Listens for connections, enforces the limits, and passes each request to its route.
///
/// One Boost.Asio thread serves all connections. check_head validates the header of each request
/// before Boost.Beast parses it. HttpSession is one connection.
class HttpServer {
 public:
  explicit HttpServer(HttpLimits limits = {});
  ~HttpServer();

  /// Call these before start(). A path that ends in '*' matches every path with this prefix.
  void route(const std::string& method, const std::string& path, HttpRoute route);
  /// Runs before every route; an exception becomes the response.
  void set_guard(std::function<void(Exchange&)> guard);
  /// Called with the cause of each response 500 or above, which the response does not contain.
  void set_fault(std::function<void(const std::string&)> fault);
  /// Runs after every well-formed request, whether or not it got a response.
  void set_log(std::function<void(const Exchange&, int status)> log);

  /// Starts to listen, on its own threads, and returns the port; 0 lets the system choose one.
  /// Throws kInvalidInput if the address is taken or not one of this machine's, or if a TLS file is
  /// invalid.
  int start(const std::string& host, int port, const TlsFiles& tls = {});
  /// False after stop() and after a failure of the listening socket.
  bool is_listening() const;
  /// Accepts no more connections and closes those that wait for a request. Pending requests have
  /// HttpLimits::stop_time to finish.
  void stop();

  const HttpLimits& limits() const;

 private:
  class Listener;

  const std::unique_ptr<HttpService> service_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace glm_image::server
