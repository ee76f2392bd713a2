#include "server/drawing_answer.h"

#include "core/base64.h"
#include "core/error.h"
#include "core/text_format.h"
#include "io/json_text.h"
#include "server/api_error.h"
#include "server/picture_answer.h"

namespace glm_image::server {
namespace {

using State = JobStatus::State;

/// Intervals of progress events and of keep-alive comments.
constexpr std::chrono::milliseconds kProgressInterval{200};
constexpr std::chrono::seconds kSignOfLifeInterval{10};
constexpr int kStoppingRetrySeconds = 10;

}  // namespace

ApiError shutting_down() {
  ApiError error(503, "the server is shutting down", "", "shutting_down");
  error.retry_after_seconds = kStoppingRetrySeconds;
  return error;
}

std::string address_of(const Exchange& exchange, const std::string& public_url) {
  if (!public_url.empty()) return public_url;
  return answer_origin(exchange.authority().text(),
                       exchange.local_address(),
                       exchange.local_port(),
                       exchange.scheme());
}

DrawingAnswer::DrawingAnswer(Exchange& exchange,
                             const DrawingAnswerContext& context,
                             std::string family,
                             ImageRequest wanted,
                             std::shared_ptr<Job> job,
                             std::shared_ptr<const std::vector<Warning>> noticed)
    : exchange_(exchange),
      context_(context),
      family_(std::move(family)),
      wanted_(std::move(wanted)),
      job_(std::move(job)),
      noticed_(std::move(noticed)),
      told_(Clock::now()) {
  job_->on_change(exchange_.waker());
}

DrawingAnswer::~DrawingAnswer() {
  job_->cancel();
}

bool DrawingAnswer::step() {
  if (exchange_.client_is_gone()) job_->cancel();
  if (wanted_.stream) return step_stream();
  if (!job_->is_over()) return true;
  answer_whole();
  return false;
}

Result DrawingAnswer::take_result() {
  auto result = job_->take_result();
  // Condition images may determine the size of an edit.
  wanted_.request = job_->request();
  if (noticed_ != nullptr) wanted_.warnings = *noticed_;
  return result;
}

void DrawingAnswer::begin() {
  began_ = true;
  exchange_.set_header("Cache-Control", "no-store");
  // Disables nginx's buffering of events.
  exchange_.set_header("X-Accel-Buffering", "no");
  exchange_.begin_stream("text/event-stream");
}

void DrawingAnswer::answer_whole() {
  if (context_.queue->is_closed() && job_->status().state == State::kCancelled) {
    throw shutting_down();
  }
  const auto result = take_result();
  const auto address = address_of(exchange_, context_.public_url);
  std::vector<std::string> pictures;
  for (const auto& picture : result.pictures) {
    auto encoded = encode_picture(picture, wanted_, context_.model);
    if (wanted_.as_url) {
      const auto id = context_.store.keep(
          {std::make_shared<const std::string>(std::move(encoded)), media_type(wanted_.format)});
      pictures.push_back(concat(address, "/v1/images/", id));
    } else {
      pictures.push_back(base64(encoded));
    }
  }
  exchange_.answer(200, io::json_text(answer_json(wanted_, result, pictures)), "application/json");
}

bool DrawingAnswer::step_stream() {
  if (exchange_.client_is_gone()) return false;
  // An edit's stream starts with its first event. Until then, an invalid picture can still get an
  // error status.
  if (!began_ && wanted_.condition_images == 0) begin();
  try {
    const bool is_over = job_->is_over();
    // Slow readers miss previews, except those left at the end.
    if (is_over || exchange_.is_caught_up()) tell_progress();
    if (!is_over) return true;
    tell_pictures();
  } catch (const std::exception& error) {
    tell_error(error);
  }
  exchange_.end_stream();
  return false;
}

void DrawingAnswer::tell(std::string event) {
  if (!began_) begin();
  exchange_.write(std::move(event));
  told_ = Clock::now();
}

void DrawingAnswer::tell_progress() {
  for (const auto& preview : job_->take_previews()) {
    tell(partial_event(family_, wanted_, preview));
  }
  const auto status = job_->status();
  // No events while an edit's pictures are decoded.
  if (job_->is_over() || (!began_ && status.state == State::kRunning && !status.is_prepared)) {
    return;
  }
  const auto silence = Clock::now() - told_;
  const bool asks = exchange_.client_is_half_closed() && !asked_;
  if (wanted_.progress && silence >= kProgressInterval) {
    tell(progress_event(family_, status));
  } else if (asks || silence >= kSignOfLifeInterval) {
    asked_ = asked_ || asks;
    tell(": at work\n\n");
  }
}

void DrawingAnswer::tell_pictures() {
  const auto result = take_result();
  for (size_t i = 0; i < result.pictures.size() && !exchange_.client_is_gone(); ++i) {
    const auto encoded = encode_picture(result.pictures[i], wanted_, context_.model);
    tell(completed_event(family_, wanted_, result, i, encoded));
  }
}

void DrawingAnswer::tell_error(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const bool closing =
      ours != nullptr && ours->code() == ErrorCode::kCancelled && context_.queue->is_closed();
  const auto answered = closing ? shutting_down() : api_error(error);
  if (answered.status() >= 500 && !closing && context_.fault) context_.fault(error.what());
  if (!began_) throw answered;
  tell(error_event(answered.json()));
}

}  // namespace glm_image::server
