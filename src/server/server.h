#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "glm_image/pipeline.h"
#include "pipeline/learned_rates.h"
#include "server/access.h"
#include "server/drawing_routes.h"
#include "server/file_room.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/request_log.h"

namespace glm_image::server {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;
  size_t max_waiting = 8;  ///< requests that wait behind the running ones
  /// Time without a request after which resident weights are released; absent: never.
  std::optional<std::chrono::duration<double>> idle_unload;
  std::chrono::duration<double> grace{20};  ///< for the running ones when the server stops
  Access::Options access;                   ///< only_local_hosts is derived from host
  DrawingOptions drawing;
  ResultStore::Limits results;
  HttpLimits http;
  TlsFiles tls;
  int threads = 0;  ///< see PipelineOptions::threads; rates are stored per number of threads
  /// Draws instead of Pipeline::generate, e.g. on several machines. Its times are not learned.
  struct Elsewhere {
    using Draw = std::function<Result(
        Pipeline&, const Request&, const ProgressCallback&, const PreviewCallback&)>;
    int64_t count = 1;  ///< requests at the same time, at most
    /// As Slots::find.
    std::function<Draw(const Request& request, int64_t open)> find;
    std::function<int64_t()> room;  ///< as Slots::room
  };
  std::optional<Elsewhere> elsewhere;
};

/// A pipeline behind HTTP: OpenAI's images API, a web page, health and metrics. See docs/server.md.
class Server {
 public:
  /// Writes log lines to the file descriptor `log`. One thread at a time runs the pipeline; others
  /// check requests concurrently. Throws kInvalidInput for an invalid public_url, and the errors of
  /// make_file_room.
  Server(Pipeline pipeline, ServerOptions options, int log);
  ~Server();

  /// Starts to serve on its own threads and returns the port. Throws as HttpServer::start does.
  int start();
  /// See HttpServer::is_listening.
  bool is_listening() const { return http_.is_listening(); }
  /// Drops waiting requests, gives the running ones the grace period, and stops.
  void stop();

 private:
  using Route = void (Server::*)(Exchange&);

  Slots make_slots();
  Result draw_logged(const std::function<Result()>& draw);
  void learn(const Request& request, const Result& result);
  void add_routes();
  void answer_health(Exchange& exchange) const;
  void answer_models(Exchange& exchange) const;
  void answer_model(Exchange& exchange) const;
  void answer_loras(Exchange& exchange) const;
  void answer_spelled_texts(Exchange& exchange);
  void answer_warnings(Exchange& exchange);
  void answer_picture(Exchange& exchange);
  void answer_unload(Exchange& exchange);
  void answer_jobs(Exchange& exchange);
  void answer_job(Exchange& exchange);
  void cancel_job(Exchange& exchange);

  Pipeline pipeline_;
  const FileRoom file_room_;
  const ServerOptions options_;
  const Access access_;
  RequestLog log_;
  Metrics metrics_;
  ResultStore store_;
  JobTable jobs_;
  std::atomic<bool> is_loaded_{false};  // whether weights may be in memory
  pipeline::LearnedRates rates_;        // written by the drawing thread
  const std::shared_ptr<JobQueue> queue_;
  DrawingRoutes drawing_;
  HttpServer http_;
};

}  // namespace glm_image::server
