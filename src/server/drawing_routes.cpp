#include "server/drawing_routes.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "core/text_format.h"
#include "image/image_limits.h"
#include "io/json_text.h"
#include "pipeline/request_values.h"
#include "rewrite/prompt_rewrite.h"
#include "server/api_error.h"
#include "server/header_value.h"

namespace glm_image::server {
namespace {

constexpr int64_t kMaxJsonBytes = int64_t{1} << 20;

bool is_json_edit(const Exchange& exchange) {
  return is_json(parse_header_value(exchange.content_type()));
}

int64_t bytes_of(const std::deque<std::string>& texts) {
  int64_t bytes = 0;
  for (const auto& text : texts) bytes += static_cast<int64_t>(text.size());
  return bytes;
}

/// The encoded pictures of an edit. Only the job's `prepare` owns them, which the queue drops when
/// the job is prepared, has failed or was cancelled.
struct Uploads {
  Body body;  ///< owns the pictures of a form
  EditForm form;

  void clear() {
    form.pictures.clear();
    form.unpacked.clear();
    body.clear();
  }
};

}  // namespace

DrawingRoutes::DrawingRoutes(DrawingOptions options,
                             std::function<Request(const Request&)> check,
                             std::function<std::vector<Warning>(const Request&)> warnings,
                             const ModelInfo& model,
                             std::shared_ptr<JobQueue> queue,
                             ResultStore& store,
                             JobTable& jobs)
    : options_(std::move(options)),
      check_(std::move(check)),
      warnings_(std::move(warnings)),
      queue_(std::move(queue)),
      jobs_(jobs),
      context_{model, queue_, store, options_.public_url, options_.fault} {}

HttpRoute DrawingRoutes::generations() {
  return {[this](Exchange& exchange) { generate(exchange); },
          [this](const Exchange& exchange) {
            // JSON makes browsers send a preflight request before cross-site requests; form types
            // do not.
            require_json(exchange.content_type());
            check_for_a_place();
            return kMaxJsonBytes;
          }};
}

HttpRoute DrawingRoutes::edits() {
  return {[this](Exchange& exchange) { edit(exchange); },
          [this](const Exchange& exchange) {
            const bool as_json = is_json_edit(exchange);
            if (!as_json) multipart_boundary(exchange.content_type());
            check_for_a_place();
            return as_json ? max_edit_json_bytes(options_.max_body_bytes) : options_.max_body_bytes;
          }};
}

void DrawingRoutes::check_for_a_place() const {
  if (queue_->is_closed()) throw shutting_down();
  if (queue_->is_full()) throw no_place();
}

ApiError DrawingRoutes::no_place() const {
  const auto load = queue_->load();
  ApiError error(429,
                 "the queue is full: " + std::to_string(load.waiting) + " requests wait",
                 "",
                 "queue_full");
  error.retry_after_seconds =
      std::clamp(static_cast<int>(std::ceil(load.seconds_to_a_free_place)), 1, 600);
  return error;
}

std::shared_ptr<Job> DrawingRoutes::submit(Request request,
                                           Prepare prepare,
                                           Keep keep,
                                           const PrepareNeeds& needs) {
  auto job = queue_->submit(std::move(request), std::move(prepare), std::move(keep), needs);
  if (job == nullptr) throw queue_->is_closed() ? shutting_down() : no_place();
  return job;
}

bool DrawingRoutes::rewrites(const ImageRequest& wanted) const {
  if (wanted.rewrite == true && !options_.rewriter) {
    throw ApiError(400,
                   "rewrite must be false: the server was started without --rewrite",
                   "rewrite",
                   "invalid_value");
  }
  return options_.rewriter && wanted.rewrite.value_or(true) && !wanted.request.composition;
}

Request DrawingRoutes::check_in_job(const Request& asked,
                                    bool rewriting,
                                    const std::function<bool()>& goes_on,
                                    std::vector<Warning>& warnings) const {
  Request request;
  if (rewriting) {
    auto rewritten = rewrite::rewrite_request(*options_.rewriter, asked, check_, goes_on);
    for (auto& warning : rewritten.warnings) warnings.push_back(std::move(warning));
    request = std::move(rewritten.request);
  } else {
    request = check_(asked);
  }
  for (auto& warning : warnings_(request)) warnings.push_back(std::move(warning));
  return request;
}

void DrawingRoutes::generate(Exchange& exchange) {
  auto wanted = read_image_request(json_of(exchange.take_body()), options_.limits);
  if (options_.log_prompts) exchange.logged_prompt = wanted.request.prompt;
  wanted.request.max_pixels = options_.limits.max_pixels;
  wanted.metadata = options_.metadata;
  wanted.request = check_(wanted.request);
  wanted.warnings = warnings_(wanted.request);
  Prepare prepare;
  PrepareNeeds needs;
  std::shared_ptr<std::vector<Warning>> noticed;
  if (rewrites(wanted)) {
    wanted.asked_prompt = wanted.request.prompt;
    noticed = std::make_shared<std::vector<Warning>>();
    needs.waits = true;
    prepare = [this, noticed](const Request& request, const std::function<bool()>& goes_on) {
      return check_in_job(request, /*rewriting=*/true, goes_on, *noticed);
    };
  }
  auto request = wanted.request;
  if (wanted.is_async) {
    return answer_with_job(
        exchange, std::move(wanted), std::move(request), prepare, needs, noticed);
  }
  const auto job = submit(std::move(request), prepare, {}, needs);
  answer(exchange, "image_generation", std::move(wanted), job, noticed);
}

EditForm DrawingRoutes::read_form(Exchange& exchange, Body& body) const {
  const auto max_bytes = options_.max_body_bytes;
  if (!is_json_edit(exchange)) {
    const auto boundary = multipart_boundary(exchange.content_type());
    auto form = read_edit_form(parse_multipart(body.bytes(), boundary), options_.limits, max_bytes);
    body.share().require(body.share().bytes() + bytes_of(form.unpacked));
    return form;
  }
  const auto size = body.bytes().size();
  body.share().require(static_cast<int64_t>(size) + parsing_bytes(size));
  auto form = read_edit_json(body.take_bytes(), options_.limits, max_bytes);
  body.share().require(bytes_of(form.unpacked));
  return form;
}

void DrawingRoutes::edit(Exchange& exchange) {
  const auto uploads = std::make_shared<Uploads>();
  uploads->body = exchange.take_body();
  uploads->form = read_form(exchange, uploads->body);
  check_picture_formats(uploads->form.pictures, uploads->form.picture_field);
  auto wanted = std::move(uploads->form.wanted);
  wanted.condition_images = static_cast<int64_t>(uploads->form.pictures.size());
  wanted.request.max_pixels = options_.limits.max_pixels;
  wanted.metadata = options_.metadata;
  if (options_.log_prompts) exchange.logged_prompt = wanted.request.prompt;
  // Check now what does not need the pictures. The job decodes them when it begins, only if the
  // client is still connected.
  const auto asked = wanted.request;
  // The job's record keeps these for an hour, so they must not own the uploads.
  const auto warnings = std::make_shared<std::vector<Warning>>();
  const bool rewriting = rewrites(wanted);
  if (rewriting) wanted.asked_prompt = pipeline::prompt_without_mark(asked);
  PrepareNeeds needs;
  needs.waits = rewriting;
  needs.bytes = decoded_bytes(uploads->form.pictures, options_.max_condition_pixels);
  const auto prepare = [this, asked, uploads, warnings, rewriting](
                           const Request&, const std::function<bool()>& goes_on) {
    auto request = asked;
    image::Warnings noticed;
    const auto& form = uploads->form;
    decode_pictures(form.pictures,
                    options_.max_condition_pixels,
                    request,
                    form.picture_field,
                    &noticed,
                    goes_on);
    uploads->clear();
    for (auto& message : noticed) warnings->push_back({"picture", std::move(message)});
    try {
      return check_in_job(request, rewriting, goes_on, *warnings);
    } catch (const Error& error) {
      rethrow_with_picture_field(error, form.picture_field);
    }
  };
  if (wanted.is_async) {
    return answer_with_job(exchange, std::move(wanted), check_(asked), prepare, needs, warnings);
  }
  const auto job = submit(check_(asked), prepare, {}, needs);
  answer(exchange, "image_edit", std::move(wanted), job, warnings);
}

void DrawingRoutes::answer_with_job(Exchange& exchange,
                                    ImageRequest wanted,
                                    Request request,
                                    Prepare prepare,
                                    const PrepareNeeds& needs,
                                    std::shared_ptr<const std::vector<Warning>> noticed) {
  const auto record = jobs_.prepare(std::move(wanted), std::move(noticed));
  auto job = submit(std::move(request), std::move(prepare), jobs_.keep(record), needs);
  const auto id = jobs_.add(record, std::move(job));
  const auto address = address_of(exchange, context_.public_url);
  exchange.set_header("Cache-Control", "no-store");
  exchange.set_header("Location", concat(address, "/v1/jobs/", id));
  exchange.answer(202, io::json_text(jobs_.describe(id, address)), "application/json");
}

void DrawingRoutes::answer(Exchange& exchange,
                           const char* family,
                           ImageRequest wanted,
                           const std::shared_ptr<Job>& job,
                           std::shared_ptr<const std::vector<Warning>> noticed) {
  try {
    const auto answer = std::make_shared<DrawingAnswer>(
        exchange, context_, family, std::move(wanted), job, std::move(noticed));
    exchange.continue_with([answer] { return answer->step(); });
  } catch (const std::bad_alloc&) {
    job->cancel();
    throw;
  }
}

}  // namespace glm_image::server
