#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/api_error.h"
#include "server/exchange.h"
#include "server/image_request.h"
#include "server/job_queue.h"
#include "server/result_store.h"

namespace glm_image::server {

/// Dependencies of all responses with pictures.
struct DrawingAnswerContext {
  const ModelInfo& model;
  std::shared_ptr<JobQueue> queue;
  ResultStore& store;
  std::string public_url;
  std::function<void(const std::string&)> fault;
};

ApiError shutting_down();

/// The address at which URLs in a response begin: `public_url`, or the one that the client used.
std::string address_of(const Exchange& exchange, const std::string& public_url);

/// Responds to a request with the pictures of its job, as one document or as a stream of events.
/// Call step() from Exchange::continue_with. The destructor cancels the job.
class DrawingAnswer {
 public:
  /// `family` is "image_generation" or "image_edit". `noticed` are the warnings that the job
  /// writes; null if `wanted` has them.
  DrawingAnswer(Exchange& exchange,
                const DrawingAnswerContext& context,
                std::string family,
                ImageRequest wanted,
                std::shared_ptr<Job> job,
                std::shared_ptr<const std::vector<Warning>> noticed);
  ~DrawingAnswer();
  DrawingAnswer(const DrawingAnswer&) = delete;
  DrawingAnswer& operator=(const DrawingAnswer&) = delete;

  /// Does what is possible without blocking. Returns false once the response is complete.
  bool step();

 private:
  using Clock = std::chrono::steady_clock;

  Result take_result();
  void begin();
  void answer_whole();
  bool step_stream();
  void tell_progress();
  void tell(std::string event);
  void tell_pictures();
  void tell_error(const std::exception& error);

  Exchange& exchange_;
  const DrawingAnswerContext& context_;
  const std::string family_;
  ImageRequest wanted_;
  const std::shared_ptr<Job> job_;
  const std::shared_ptr<const std::vector<Warning>> noticed_;
  Clock::time_point told_;
  bool began_ = false;
  bool asked_ = false;
};

}  // namespace glm_image::server
