#pragma once

#include <map>
#include <mutex>
#include <string>

#include "server/job_queue.h"

namespace glm_image::server {

/// Counters for GET /metrics, in Prometheus' text format. Thread-safe.
class Metrics {
 public:
  void count_request(int status);
  void count_job(const FinishedJob& job);
  std::string text(const JobQueue::Load& load) const;

 private:
  mutable std::mutex mutex_;
  std::map<int, int64_t> requests_;      // by status
  std::map<std::string, int64_t> jobs_;  // by final state
  std::map<Stage, double> stage_seconds_;
  int64_t pictures_ = 0, tokens_ = 0;
  double job_seconds_ = 0, token_seconds_ = 0, last_tokens_per_second_ = 0;
  int64_t peak_memory_bytes_ = 0;
};

}  // namespace glm_image::server
