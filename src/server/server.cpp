#include "server/server.h"

#include <algorithm>

#include "core/text_format.h"
#include "glm_image/limits.h"
#include "io/json_text.h"
#include "pipeline/model_profile.h"
#include "pipeline/recipe.h"
#include "server/api_error.h"
#include "server/api_fields.h"
#include "server/header_value.h"
#include "server/page.h"
#include "server/picture_answer.h"
#include "text/glyph_texts.h"

namespace glm_image::server {
namespace {

using io::OrderedJson;
using pipeline::to_json;

void answer_json(Exchange& exchange, const OrderedJson& json, int status = 200) {
  exchange.set_header("Cache-Control", "no-store");
  exchange.answer(status, io::json_text(json), "application/json");
}

ServerOptions checked(ServerOptions options, const ModelProfile& model) {
  auto& url = options.drawing.public_url;
  if (!url.empty()) url = checked_public_url(url);
  auto& limits = options.drawing.limits;
  limits.default_steps = std::min(limits.default_steps.value_or(model.steps), limits.max_steps);
  return options;
}

Access::Options access_options(const ServerOptions& options) {
  auto access = options.access;
  access.only_local_hosts = is_loopback(options.host);
  access.public_url = options.drawing.public_url;
  return access;
}

DrawingOptions drawing_options(const ServerOptions& options, RequestLog& log) {
  auto drawing = options.drawing;
  drawing.fault = [&log](const std::string& message) { log.fault(message); };
  return drawing;
}

}  // namespace

Server::Server(Pipeline pipeline, ServerOptions options, std::ostream& log)
    : pipeline_(std::move(pipeline)),
      options_(checked(std::move(options), pipeline_.info().profile)),
      access_(access_options(options_)),
      log_(log),
      store_(options_.results),
      queue_(JobQueue::start(
          [this](const Request& request,
                 const ProgressCallback& progress,
                 const PreviewCallback& preview) {
            try {
              return pipeline_.generate(request, progress, preview);
            } catch (const std::exception& error) {
              // Said here as well as where it is answered: the client may be gone by then.
              if (api_error(error).status() >= 500) {
                log_.fault(std::string("drawing: ") + error.what());
              }
              throw;
            }
          },
          options_.max_waiting,
          [this](const FinishedJob& job) { metrics_.count_job(job); })),
      drawing_(
          drawing_options(options_, log_),
          [this](const Request& request) { return pipeline_.check(request); },
          [this](const Request& request) { return pipeline_.warnings(request); },
          pipeline_.info(),
          queue_,
          store_),
      http_(options_.http) {
  add_routes();
}

Server::~Server() {
  stop();
}

int Server::start() {
  return http_.start(options_.host, options_.port);
}

void Server::stop() {
  queue_->close(options_.grace);
  http_.stop();
}

void Server::add_routes() {
  http_.set_guard([this](Exchange& exchange) { access_.check(exchange); });
  http_.set_fault([this](const std::string& message) { log_.fault(message); });
  http_.set_log([this](const Exchange& exchange, int status) {
    metrics_.count_request(status);
    log_.write(exchange, status);
  });
  for (const auto& file : page_files()) {
    http_.route("GET", file.path, [&file](Exchange& exchange) {
      exchange.set_header("Cache-Control", "no-cache");
      exchange.answer(200, file.content, file.media_type);
    });
  }
  http_.route("GET", "/health", [this](Exchange& exchange) { answer_health(exchange); });
  http_.route("GET", "/metrics", [this](Exchange& exchange) {
    exchange.answer(200, metrics_.text(queue_->load()), "text/plain; version=0.0.4");
  });
  http_.route("GET", "/v1/models", [this](Exchange& exchange) { answer_models(exchange); });
  http_.route(
      "POST", "/v1/spelled_texts", [this](Exchange& exchange) { answer_spelled_texts(exchange); });
  http_.route("POST", "/v1/warnings", [this](Exchange& exchange) { answer_warnings(exchange); });
  http_.route("GET", "/v1/images/*", [this](Exchange& exchange) { answer_picture(exchange); });
  http_.route("POST", "/v1/images/generations", [this](Exchange& exchange) {
    drawing_.generate(exchange);
  });
  http_.route("POST", "/v1/images/edits", [this](Exchange& exchange) { drawing_.edit(exchange); });
  for (const char* path : {"/health",
                           "/metrics",
                           "/v1/models",
                           "/v1/spelled_texts",
                           "/v1/warnings",
                           "/v1/images/*",
                           "/v1/images/generations",
                           "/v1/images/edits"}) {
    http_.route(
        "OPTIONS", path, [this](Exchange& exchange) { access_.answer_preflight(exchange); });
  }
}

void Server::answer_health(Exchange& exchange) const {
  const auto load = queue_->load();
  const bool closed = queue_->is_closed();
  const auto& profile = pipeline_.info().profile;
  OrderedJson json = {{"status", closed ? "stopping" : "ok"},
                      {"version", version()},
                      {"model", pipeline_.info().name},
                      {"queue",
                       {{"running", load.running ? 1 : 0},
                        {"waiting", load.waiting},
                        {"max_waiting", options_.max_waiting},
                        {"seconds_left", nullptr}}},
                      {"defaults",
                       {{"width", profile.sizes.front().width},
                        {"height", profile.sizes.front().height},
                        {"steps", *options_.drawing.limits.default_steps},
                        {"guidance", profile.guidance},
                        {"max_steps", options_.drawing.limits.max_steps},
                        {"max_pixels", options_.drawing.limits.max_pixels}}},
                      {"limits",
                       {{"max_side", limits::kMaxSide},
                        {"max_count", options_.drawing.limits.max_count},
                        {"max_seed", limits::kMaxSeed},
                        {"guidance", {limits::kMinGuidance, limits::kMaxGuidance}},
                        {"temperature", {limits::kMinTemperature, limits::kMaxTemperature}},
                        {"max_prompt_bytes", limits::kMaxPromptBytes},
                        {"max_pictures", limits::kMaxConditionImages}}},
                      {"profile", to_json(profile)},
                      {"needs_key", options_.access.key.is_set()}};
  if (load.seconds_left) json["queue"]["seconds_left"] = *load.seconds_left;
  answer_json(exchange, json, closed ? 503 : 200);
}

void Server::answer_models(Exchange& exchange) const {
  answer_json(exchange,
              {{"object", "list"},
               {"data",
                {{{"id", pipeline_.info().name},
                  {"object", "model"},
                  {"created", 0},
                  {"owned_by", "glm-image.cpp"}}}}});
}

/// What a prompt will spell, for the page: the places in bytes of its UTF-8.
void Server::answer_spelled_texts(Exchange& exchange) const {
  constexpr int64_t kMaxBytes = 512 * 1024;
  require_json(exchange.content_type());
  const auto body = parse_body(exchange.read_body(kMaxBytes));
  const auto prompt = ApiFields(body, /*fields_are_text=*/false).text("prompt").value_or("");
  // As for drawing. Of quotation marks alone the answer takes some hundred times as much memory.
  if (prompt.size() > limits::kMaxPromptBytes) {
    throw ApiError(
        400,
        concat(
            "prompt must have at most ", limits::kMaxPromptBytes, " bytes; found ", prompt.size()),
        "prompt",
        "invalid_value");
  }
  auto texts = OrderedJson::array();
  for (const auto& found : text::find_glyph_texts(prompt, text::GlyphRules::kSmart)) {
    texts.push_back({{"text", found.text}, {"begin", found.begin}, {"end", found.end}});
  }
  answer_json(exchange, {{"texts", texts}});
}

/// What to expect of a request, for the page, before it is sent.
void Server::answer_warnings(Exchange& exchange) const {
  constexpr int64_t kMaxBytes = 4096;
  constexpr int64_t kMaxNumber = 1 << 20;
  const auto body = parse_body(exchange.read_body(kMaxBytes));
  const ApiFields fields(body, /*fields_are_text=*/false);
  const auto number = [&](const char* name) {
    return fields.whole_number(name, 0, kMaxNumber).value_or(0);
  };
  const PictureSize size = {number("width"), number("height")};
  if ((size.width == 0) != (size.height == 0)) fields.refuse("height", "given with width");
  const auto warnings = pipeline::warnings_of(pipeline_.info().profile, size, number("pictures"));
  answer_json(exchange, {{"warnings", warnings_json(warnings)}});
}

void Server::answer_picture(Exchange& exchange) {
  const auto picture = store_.find(exchange.path().substr(std::string("/v1/images/").size()));
  if (!picture) {
    throw ApiError(404, "there is no such picture, or not any more", "", "not_found");
  }
  exchange.set_header("Cache-Control", "private, max-age=3600");
  exchange.answer(200, picture->bytes, picture->media_type);
}

}  // namespace glm_image::server
