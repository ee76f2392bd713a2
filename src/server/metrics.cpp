#include "server/metrics.h"

#include <algorithm>
#include <sstream>

namespace glm_image::server {
namespace {

std::string label(Stage stage) {
  std::string name = stage_name(stage);
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

void describe(std::ostream& out, const char* name, const char* type, const char* help) {
  out << "# HELP glm_image_" << name << ' ' << help << "\n# TYPE glm_image_" << name << ' ' << type
      << '\n';
}

}  // namespace

void Metrics::count_request(int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[status];
}

void Metrics::count_job(const FinishedJob& job) {
  const std::lock_guard lock(mutex_);
  ++jobs_[state_name(job.state)];
  job_seconds_ += job.seconds;
  pictures_ += static_cast<int64_t>(job.result.pictures.size());
  tokens_ += job.result.generated_tokens;
  for (const auto& stage : job.result.stages) {
    stage_seconds_[stage.stage] += stage.seconds;
    peak_memory_bytes_ = std::max(peak_memory_bytes_, stage.peak_memory_bytes);
    if (stage.stage != Stage::kImageTokens || stage.seconds <= 0) continue;
    token_seconds_ += stage.seconds;
    last_tokens_per_second_ = static_cast<double>(job.result.generated_tokens) / stage.seconds;
  }
}

std::string Metrics::text(const JobQueue::Load& load) const {
  const std::lock_guard lock(mutex_);
  std::ostringstream out;
  out.precision(15);  // sums of seconds grow for months
  describe(out, "requests_total", "counter", "HTTP requests, by response status.");
  for (const auto& [status, count] : requests_) {
    out << "glm_image_requests_total{status=\"" << status << "\"} " << count << '\n';
  }
  describe(out, "jobs_total", "counter", "Finished jobs, by final state.");
  for (const auto& [state, count] : jobs_) {
    out << "glm_image_jobs_total{state=\"" << state << "\"} " << count << '\n';
  }
  describe(out, "job_seconds_total", "counter", "Seconds spent drawing.");
  out << "glm_image_job_seconds_total " << job_seconds_ << '\n';
  describe(out, "stage_seconds_total", "counter", "Seconds spent in each stage.");
  for (const auto& [stage, seconds] : stage_seconds_) {
    out << "glm_image_stage_seconds_total{stage=\"" << label(stage) << "\"} " << seconds << '\n';
  }
  describe(out, "pictures_total", "counter", "Pictures drawn.");
  out << "glm_image_pictures_total " << pictures_ << '\n';
  describe(out, "visual_tokens_total", "counter", "Visual tokens generated.");
  out << "glm_image_visual_tokens_total " << tokens_ << '\n';
  describe(out, "visual_token_seconds_total", "counter", "Seconds spent generating visual tokens.");
  out << "glm_image_visual_token_seconds_total " << token_seconds_ << '\n';
  describe(out, "visual_tokens_per_second", "gauge", "Visual tokens per second of the last job.");
  out << "glm_image_visual_tokens_per_second " << last_tokens_per_second_ << '\n';
  describe(out, "queue_waiting", "gauge", "Waiting jobs.");
  out << "glm_image_queue_waiting " << load.waiting << '\n';
  describe(out, "queue_running", "gauge", "Running jobs.");
  out << "glm_image_queue_running " << load.running << '\n';
  describe(out, "peak_memory_bytes", "gauge", "Largest resident memory of a stage so far.");
  out << "glm_image_peak_memory_bytes " << peak_memory_bytes_ << '\n';
  return out.str();
}

}  // namespace glm_image::server
