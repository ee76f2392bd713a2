#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rewrite/chat_address.h"
#include "server/api_error.h"
#include "server/drawing_answer.h"
#include "server/edit_request.h"
#include "server/http_server.h"
#include "server/job_table.h"

namespace glm_image::server {

/// Bytes of the decoded pictures of all edits that are drawn at the same time. A single one may
/// have more.
inline constexpr int64_t kMaxDecodedBytes = int64_t{384} << 20;

struct DrawingOptions {
  RequestLimits limits;
  int64_t max_body_bytes = int64_t{50} << 20;  ///< of an upload
  /// decoded, of all pictures of one request
  int64_t max_condition_pixels = int64_t{32} << 20;
  bool log_prompts = false;
  bool metadata = true;                          ///< see ImageRequest::metadata
  std::optional<rewrite::ChatAddress> rewriter;  ///< rewrites prompts
  std::string public_url;  ///< for URLs in responses; empty: from the request's Host
  std::function<void(const std::string&)> fault;  ///< as HttpServer::set_fault, for streams
};

/// The routes POST /v1/images/generations and /v1/images/edits.
class DrawingRoutes {
 public:
  /// All referenced objects must outlive this one. `check` and `warnings` are Pipeline's.
  DrawingRoutes(DrawingOptions options,
                std::function<Request(const Request&)> check,
                std::function<std::vector<Warning>(const Request&)> warnings,
                const ModelInfo& model,
                std::shared_ptr<JobQueue> queue,
                ResultStore& store,
                JobTable& jobs);

  HttpRoute generations();
  HttpRoute edits();

 private:
  void generate(Exchange& exchange);
  void edit(Exchange& exchange);
  /// Parses the body and reduces its reservation to the size of the pictures.
  EditForm read_form(Exchange& exchange, Body& body) const;
  /// Whether the request's prompt is to be rewritten. Throws ApiError if that cannot be.
  bool rewrites(const ImageRequest& wanted) const;
  /// Checks the request of a job, with its prompt rewritten if `rewriting`. Adds the warnings.
  Request check_in_job(const Request& request,
                       bool rewriting,
                       const std::function<bool()>& goes_on,
                       std::vector<Warning>& warnings) const;
  std::shared_ptr<Job> submit(Request request,
                              Prepare prepare,
                              Keep keep,
                              const PrepareNeeds& needs);
  /// Queues a request that the client will ask for again, and answers with its job.
  void answer_with_job(Exchange& exchange,
                       ImageRequest wanted,
                       Request request,
                       Prepare prepare,
                       const PrepareNeeds& needs,
                       std::shared_ptr<const std::vector<Warning>> noticed);
  /// Throws ApiError if no request of any kind would be accepted.
  void check_for_a_place() const;
  ApiError no_place() const;
  void answer(Exchange& exchange,
              const char* family,
              ImageRequest wanted,
              const std::shared_ptr<Job>& job,
              std::shared_ptr<const std::vector<Warning>> noticed = nullptr);

  const DrawingOptions options_;
  const std::function<Request(const Request&)> check_;
  const std::function<std::vector<Warning>(const Request&)> warnings_;
  const std::shared_ptr<JobQueue> queue_;
  JobTable& jobs_;
  const DrawingAnswerContext context_;
};

}  // namespace glm_image::server
