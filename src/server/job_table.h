#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/json_text.h"
#include "server/image_request.h"
#include "server/job_queue.h"
#include "server/result_store.h"

namespace glm_image::server {

/// The jobs of clients that poll: requests with `"async": true`. A job is known for a while after
/// its end; its pictures are in the ResultStore, within whose limits they stay. Safe for any
/// thread.
class JobTable {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    size_t max_jobs = 256;                        ///< the oldest that are over go first
    Clock::duration age = std::chrono::hours(1);  ///< after the end
  };

  /// Keeps references to both.
  JobTable(const ModelInfo& model, ResultStore& store);
  JobTable(const ModelInfo& model, ResultStore& store, const Limits& limits);

  /// One job. The worker's thread fills in its answer.
  class Record;
  /// A record for a request that is to be queued. `noticed` as in DrawingAnswer.
  std::shared_ptr<Record> prepare(ImageRequest wanted,
                                  std::shared_ptr<const std::vector<Warning>> noticed);
  /// Encodes the pictures, puts them into the store and writes the answer: for JobQueue::submit.
  Keep keep(const std::shared_ptr<Record>& record) const;
  /// Makes a queued job known; returns its identifier, which has 128 random bits.
  std::string add(const std::shared_ptr<Record>& record, std::shared_ptr<Job> job);

  /// {"object": "list", "data": […]}: all jobs without their pictures, the latest first.
  io::OrderedJson list();
  /// A job; with "result", the body of an answer that is not async, if it is completed, and "error"
  /// if it failed. `address` begins the addresses of pictures. Throws ApiError 404.
  io::OrderedJson describe(const std::string& id, const std::string& address);
  /// The newest early picture of a job, in the format of its pictures. Nothing if there is none yet
  /// or the job is over. Throws ApiError 404.
  std::optional<ResultStore::Picture> preview(const std::string& id);
  /// Cancels a job unless it is over. Throws ApiError 404.
  void cancel(const std::string& id);

 private:
  std::shared_ptr<Record> find(const std::string& id);
  void drop_the_old();
  io::OrderedJson facts(Record& record) const;
  io::OrderedJson result(const Record& record, const std::string& address) const;

  const ModelInfo& model_;
  ResultStore& store_;
  const Limits limits_;
  std::mutex mutex_;
  std::list<std::shared_ptr<Record>> records_;  // oldest first
};

}  // namespace glm_image::server
