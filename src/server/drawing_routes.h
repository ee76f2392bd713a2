#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "server/edit_request.h"
#include "server/exchange.h"
#include "server/job_queue.h"
#include "server/result_store.h"

namespace glm_image::server {

struct DrawingOptions {
  RequestLimits limits;
  int64_t max_body_bytes = int64_t{50} << 20;
  /// Bodies of all requests together.
  int64_t max_bodies_bytes = int64_t{256} << 20;
  /// Of the pictures of one request, decoded.
  int64_t max_condition_pixels = int64_t{32} << 20;
  bool log_prompts = false;
  std::string public_url;  ///< for addresses in answers; empty: from the request's Host
  std::function<void(const std::string&)> fault;  ///< as HttpServer::set_fault, of streams
};

/// POST /v1/images/generations and /v1/images/edits.
class DrawingRoutes {
 public:
  /// The pipeline and the rest must live longer. `check` and `warnings` are
  /// Pipeline's.
  DrawingRoutes(DrawingOptions options,
                std::function<Request(const Request&)> check,
                std::function<std::vector<Warning>(const Request&)> warnings,
                const ModelInfo& model,
                std::shared_ptr<JobQueue> queue,
                ResultStore& store);

  void generate(Exchange& exchange);
  void edit(Exchange& exchange);

 private:
  class BodyShare;

  std::shared_ptr<Job> submit(ImageRequest& wanted);
  void check_for_a_place() const;
  void answer(Exchange& exchange,
              const char* family,
              ImageRequest wanted,
              const std::shared_ptr<Job>& job);
  void answer_whole(Exchange& exchange, const ImageRequest& wanted, Job& job);
  void write_events(const Exchange::Write& write,
                    const std::string& family,
                    const ImageRequest& wanted,
                    Job& job) const;
  /// Until the job is over; false when the client has gone before.
  bool write_progress(const Exchange::Write& write,
                      const std::string& family,
                      const ImageRequest& wanted,
                      Job& job) const;

  const DrawingOptions options_;
  const std::function<Request(const Request&)> check_;
  const std::function<std::vector<Warning>(const Request&)> warnings_;
  const ModelInfo& model_;
  const std::shared_ptr<JobQueue> queue_;
  ResultStore& store_;
  std::atomic<int64_t> bodies_bytes_{0};
  // One at a time decodes pictures and enters the queue with them: else many clients at once would
  // hold many decoded pictures, and most be turned away.
  std::mutex admission_;
};

}  // namespace glm_image::server
