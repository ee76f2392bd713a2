#include "server/drawing_routes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "image/image_limits.h"
#include "io/json_text.h"
#include "server/api_error.h"
#include "server/base64.h"
#include "server/header_value.h"
#include "server/picture_answer.h"

namespace glm_image::server {
namespace {

using State = JobStatus::State;

constexpr int64_t kMaxJsonBytes = int64_t{1} << 20;
/// How soon a client's going away is noticed.
constexpr std::chrono::milliseconds kLookForTheClient{100};
/// Between progress events, and between signs of life where there is nothing to tell.
constexpr std::chrono::milliseconds kProgressInterval{200};
constexpr std::chrono::seconds kSignOfLifeInterval{10};

ApiError shutting_down() {
  ApiError error(503, "the server is shutting down", "", "shutting_down");
  error.retry_after_seconds = 10;
  return error;
}

}  // namespace

/// A body's share of the memory for all of them.
class DrawingRoutes::BodyShare {
 public:
  BodyShare(std::atomic<int64_t>& used, int64_t bytes, int64_t limit) : used_(used), bytes_(bytes) {
    // Only what fits is ever added: a body that does not must not take the others' share meanwhile.
    auto taken = used_.load();
    while (taken + bytes_ <= limit) {
      if (used_.compare_exchange_weak(taken, taken + bytes_)) return;
    }
    ApiError error(503, "too many large bodies at once", "", "overloaded");
    error.retry_after_seconds = 5;
    throw error;
  }
  ~BodyShare() { used_ -= bytes_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

 private:
  std::atomic<int64_t>& used_;
  const int64_t bytes_;
};

DrawingRoutes::DrawingRoutes(DrawingOptions options,
                             std::function<Request(const Request&)> check,
                             std::function<std::vector<Warning>(const Request&)> warnings,
                             const ModelInfo& model,
                             std::shared_ptr<JobQueue> queue,
                             ResultStore& store)
    : options_(std::move(options)),
      check_(std::move(check)),
      warnings_(std::move(warnings)),
      model_(model),
      queue_(std::move(queue)),
      store_(store) {}

void DrawingRoutes::check_for_a_place() const {
  if (queue_->is_closed()) throw shutting_down();
  if (!queue_->is_full()) return;
  const auto load = queue_->load();
  ApiError error(429,
                 "the queue is full: " + std::to_string(load.waiting) + " requests wait",
                 "",
                 "queue_full");
  error.retry_after_seconds =
      std::clamp(static_cast<int>(std::ceil(load.seconds_to_a_free_place)), 1, 600);
  throw error;
}

std::shared_ptr<Job> DrawingRoutes::submit(ImageRequest& wanted) {
  wanted.request.max_pixels = options_.limits.max_pixels;
  wanted.request = check_(wanted.request);
  for (auto& warning : warnings_(wanted.request)) wanted.warnings.push_back(std::move(warning));
  auto pictures = std::exchange(wanted.request.condition_images, {});
  wanted.condition_images = static_cast<int64_t>(pictures.size());
  auto request = wanted.request;
  request.condition_images = std::move(pictures);
  auto job = queue_->submit(std::move(request));
  if (job == nullptr) {
    check_for_a_place();
    throw shutting_down();
  }
  return job;
}

void DrawingRoutes::generate(Exchange& exchange) {
  // Browsers send other types to other sites without asking; this one they ask for first.
  require_json(exchange.content_type());
  check_for_a_place();
  const auto body = exchange.read_body(kMaxJsonBytes);
  auto wanted = read_image_request(parse_body(body), options_.limits);
  if (options_.log_prompts) exchange.logged_prompt = wanted.request.prompt;
  auto job = submit(wanted);
  answer(exchange, "image_generation", std::move(wanted), job);
}

void DrawingRoutes::edit(Exchange& exchange) {
  const bool as_json = is_json(parse_header_value(exchange.content_type()));
  const auto boundary = as_json ? "" : multipart_boundary(exchange.content_type());
  check_for_a_place();
  ImageRequest wanted;
  std::shared_ptr<Job> job;
  {
    // A body of unknown length counts as the largest. While JSON is parsed, it is there twice.
    const int64_t length = exchange.content_length();
    const auto max_bytes = options_.max_body_bytes;
    const auto largest = as_json ? max_edit_json_bytes(max_bytes) : max_bytes;
    const int64_t copies = as_json ? 2 : 1;
    const BodyShare share(bodies_bytes_,
                          copies * (length > 0 ? std::min(length, largest) : largest),
                          std::max(options_.max_bodies_bytes, copies * largest));
    auto body = exchange.read_body(largest);
    auto form = as_json
                    ? read_edit_json(std::move(body), options_.limits, max_bytes)
                    : read_edit_form(parse_multipart(body, boundary), options_.limits, max_bytes);
    wanted = std::move(form.wanted);
    if (options_.log_prompts) exchange.logged_prompt = wanted.request.prompt;
    const std::lock_guard lock(admission_);
    check_for_a_place();
    image::Warnings noticed;
    decode_pictures(
        form.pictures, options_.max_condition_pixels, wanted.request, form.picture_field, &noticed);
    for (auto& message : noticed) wanted.warnings.push_back({"picture", std::move(message)});
    job = submit(wanted);
  }
  answer(exchange, "image_edit", std::move(wanted), job);
}

void DrawingRoutes::answer(Exchange& exchange,
                           const char* family,
                           ImageRequest wanted,
                           const std::shared_ptr<Job>& job) {
  if (!wanted.stream) {
    answer_whole(exchange, wanted, *job);
    return;
  }
  exchange.set_header("Cache-Control", "no-store");
  // nginx would collect the events otherwise.
  exchange.set_header("X-Accel-Buffering", "no");
  // Cancels when the answer is gone, also where it was never begun.
  const std::shared_ptr<Job> held(job.get(), [job](Job*) { job->cancel(); });
  exchange.stream("text/event-stream",
                  [this, family, wanted = std::move(wanted), held](const Exchange::Write& write) {
                    write_events(write, family, wanted, *held);
                  });
}

void DrawingRoutes::answer_whole(Exchange& exchange, const ImageRequest& wanted, Job& job) {
  while (!job.is_over()) {
    job.wait(kLookForTheClient);
    if (exchange.client_is_gone()) job.cancel();
  }
  if (queue_->is_closed() && job.status().state == State::kCancelled) throw shutting_down();
  const auto result = job.take_result();
  auto address = options_.public_url;
  if (address.empty()) {
    address =
        answer_origin(exchange.header("Host"), exchange.local_address(), exchange.local_port());
  }
  std::vector<std::string> pictures;
  for (const auto& picture : result.pictures) {
    auto encoded = encode_picture(picture, wanted, model_);
    if (wanted.as_url) {
      const auto id = store_.keep({std::move(encoded), media_type(wanted.format)});
      pictures.push_back(concat(address, "/v1/images/", id));
    } else {
      pictures.push_back(base64(encoded));
    }
  }
  exchange.answer(200, io::json_text(answer_json(wanted, result, pictures)), "application/json");
}

void DrawingRoutes::write_events(const Exchange::Write& write,
                                 const std::string& family,
                                 const ImageRequest& wanted,
                                 Job& job) const {
  try {
    if (!write_progress(write, family, wanted, job)) {
      job.cancel();
      return;
    }
    const auto result = job.take_result();
    for (size_t i = 0; i < result.pictures.size(); ++i) {
      const auto encoded = encode_picture(result.pictures[i], wanted, model_);
      if (!write(completed_event(family, wanted, result, i, encoded))) return;
    }
  } catch (const std::exception& error) {
    // Here too: the route has returned, and no one else would catch it.
    const auto* ours = dynamic_cast<const Error*>(&error);
    const bool closing =
        ours != nullptr && ours->code() == ErrorCode::kCancelled && queue_->is_closed();
    const auto answered = closing ? shutting_down() : api_error(error);
    if (answered.status() >= 500 && !closing && options_.fault) options_.fault(error.what());
    write(error_event(answered.json()));
  }
}

bool DrawingRoutes::write_progress(const Exchange::Write& write,
                                   const std::string& family,
                                   const ImageRequest& wanted,
                                   Job& job) const {
  using Clock = Job::Clock;
  auto told = Clock::now() - kSignOfLifeInterval;
  bool open = true;
  const auto tell = [&](const std::string& text) {
    open = open && write(text);
    told = Clock::now();
  };
  const auto tell_previews = [&] {
    for (const auto& preview : job.take_previews()) tell(partial_event(family, wanted, preview));
  };
  while (open && !job.is_over()) {
    tell_previews();
    if (wanted.progress && Clock::now() - told >= kProgressInterval) {
      tell(progress_event(family, job.status()));
    } else if (Clock::now() - told >= kSignOfLifeInterval) {
      tell(": at work\n\n");
    }
    open = open && write("");  // notices that the client is gone, too
    if (open) job.wait(kLookForTheClient);
  }
  if (open) tell_previews();
  return open;
}

}  // namespace glm_image::server
