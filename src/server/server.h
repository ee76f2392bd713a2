#pragma once

#include <chrono>
#include <iosfwd>
#include <memory>
#include <string>

#include "glm_image/pipeline.h"
#include "server/access.h"
#include "server/drawing_routes.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/request_log.h"

namespace glm_image::server {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;
  size_t max_waiting = 8;                   ///< requests that wait behind the one at work
  std::chrono::duration<double> grace{20};  ///< for the one at work when the server stops
  Access::Options access;                   ///< only_local_hosts follows from host
  DrawingOptions drawing;
  ResultStore::Limits results;
  HttpLimits http;
};

/// A pipeline behind HTTP: OpenAI's images API, a page for people, health and metrics. See
/// docs/server.md.
class Server {
 public:
  /// Log lines go to `log`. One thread draws with the pipeline; others check requests meanwhile.
  /// Throws kInvalidInput for a public_url that is none.
  Server(Pipeline pipeline, ServerOptions options, std::ostream& log);
  ~Server();

  /// Serves from now on, on threads of its own; returns the port. Throws as HttpServer::start does.
  int start();
  /// As HttpServer::is_listening.
  bool is_listening() const { return http_.is_listening(); }
  /// Drops what waits, lets the request at work end within the grace period, and stops.
  void stop();

 private:
  void add_routes();
  void answer_health(Exchange& exchange) const;
  void answer_models(Exchange& exchange) const;
  void answer_spelled_texts(Exchange& exchange) const;
  void answer_warnings(Exchange& exchange) const;
  void answer_picture(Exchange& exchange);

  Pipeline pipeline_;
  const ServerOptions options_;
  const Access access_;
  RequestLog log_;
  Metrics metrics_;
  ResultStore store_;
  const std::shared_ptr<JobQueue> queue_;
  DrawingRoutes drawing_;
  HttpServer http_;
};

}  // namespace glm_image::server
