#include "server/server.h"

#include <algorithm>
#include <new>
#include <string_view>

#include "core/network_host.h"
#include "core/suffix.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "io/json_text.h"
#include "io/shown.h"
#include "pipeline/model_profile.h"
#include "pipeline/recipe.h"
#include "server/api_error.h"
#include "server/api_fields.h"
#include "server/drawing_answer.h"
#include "server/header_value.h"
#include "server/health.h"
#include "server/page.h"
#include "server/picture_answer.h"
#include "text/glyph_texts.h"

namespace glm_image::server {
namespace {

using io::OrderedJson;

constexpr int64_t kMaxSpelledTextsBytes = 512 * 1024;
constexpr int64_t kMaxWarningsBytes = 4096;
constexpr int64_t kMaxJobBytes = 4096;
constexpr const char* kModels = "/v1/models/";
constexpr const char* kJobs = "/v1/jobs/";
constexpr const char* kCancel = "/cancel";
constexpr const char* kPreview = "/preview";

/// Removes `ending` from `text` if it ends so.
bool take_end(std::string& text, std::string_view ending) {
  if (!ends_with(text, ending)) return false;
  text.resize(text.size() - ending.size());
  return true;
}

void answer_json(Exchange& exchange, const OrderedJson& json, int status = 200) {
  exchange.set_header("Cache-Control", "no-store");
  exchange.answer(status, io::json_text(json), "application/json");
}

OrderedJson model_json(const ModelInfo& model, bool is_loaded) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", 0},
          {"loaded", is_loaded},
          {"owned_by", "glm-image.cpp"}};
}

ServerOptions checked(ServerOptions options, const ModelProfile& model, const FileRoom& room) {
  auto& url = options.drawing.public_url;
  if (!url.empty()) url = checked_public_url(url);
  auto& limits = options.drawing.limits;
  limits.model_steps = model.steps;
  limits.default_steps = std::min(limits.default_steps.value_or(model.steps), limits.max_steps);
  auto& http = options.http;
  http.max_connections = room.connections;
  // There must be room for one upload.
  http.max_body_memory = std::max(http.max_body_memory, options.drawing.max_body_bytes);
  return options;
}

Access::Options access_options(const ServerOptions& options) {
  auto access = options.access;
  access.only_local_hosts = is_loopback_host(options.host);
  access.own_host = options.host;
  access.public_url = options.drawing.public_url;
  return access;
}

DrawingOptions drawing_options(const ServerOptions& options, RequestLog& log) {
  auto drawing = options.drawing;
  drawing.fault = [&log](const std::string& message) { log.fault(message); };
  return drawing;
}

bool keeps_weights(const ModelInfo& model) {
  return std::any_of(model.components.begin(), model.components.end(), [](const auto& component) {
    return component.resident;
  });
}

}  // namespace

Server::Server(Pipeline pipeline, ServerOptions options, int log)
    : pipeline_(std::move(pipeline)),
      file_room_(make_file_room(options.http.max_connections)),
      options_(checked(std::move(options), pipeline_.info().profile, file_room_)),
      access_(access_options(options_)),
      log_(log),
      store_(options_.results),
      jobs_(pipeline_.info(), store_),
      rates_(pipeline_.info(), options_.threads),
      queue_(JobQueue::start(make_slots(),
                             options_.max_waiting,
                             [this](const FinishedJob& job) { metrics_.count_job(job); },
                             rates_.estimate(),
                             {[this] {
                                pipeline_.unload();
                                is_loaded_ = false;
                              },
                              options_.idle_unload})),
      drawing_(
          drawing_options(options_, log_),
          [this](const Request& request) { return pipeline_.check(request); },
          [this](const Request& request) { return pipeline_.warnings(request); },
          pipeline_.info(),
          queue_,
          store_,
          jobs_),
      http_(options_.http) {
  if (!file_room_.notice.empty()) log_.notice(file_room_.notice);
  add_routes();
}

Slots Server::make_slots() {
  Slots slots;
  if (!options_.elsewhere) {
    slots.find = [this](const Request&, int64_t) -> Draw {
      return [this](const Request& request,
                    const ProgressCallback& progress,
                    const PreviewCallback& preview) {
        return draw_logged([&] {
          auto result = pipeline_.generate(request, progress, preview);
          learn(request, result);
          return result;
        });
      };
    };
    return slots;
  }
  slots.count = options_.elsewhere->count;
  slots.room = options_.elsewhere->room;
  slots.max_prepared_bytes = kMaxDecodedBytes;
  slots.find = [this](const Request& asked, int64_t open) -> Draw {
    auto draw = options_.elsewhere->find(asked, open);
    if (!draw) return {};
    return [this, draw = std::move(draw)](const Request& request,
                                          const ProgressCallback& progress,
                                          const PreviewCallback& preview) {
      return draw_logged([&] { return draw(pipeline_, request, progress, preview); });
    };
  };
  return slots;
}

Result Server::draw_logged(const std::function<Result()>& draw) {
  is_loaded_ = keeps_weights(pipeline_.info());
  try {
    return draw();
  } catch (const std::exception& error) {
    // Logged here too, since the client may be gone before the response.
    if (api_error(error).status() >= 500) log_.fault(std::string("drawing: ") + error.what());
    throw;
  }
}

void Server::learn(const Request& request, const Result& result) {
  try {
    rates_.learn(request, result);
  } catch (const std::bad_alloc&) {
    // Without memory, the rates stay as they are; the picture is more important.
  }
}

Server::~Server() {
  stop();
}

int Server::start() {
  return http_.start(options_.host, options_.port, options_.tls);
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
  const auto get = [this](const std::string& path, std::function<void(Exchange&)> handle) {
    http_.route("GET", path, {std::move(handle), {}});
  };
  for (const auto& file : page_files()) {
    const auto content = std::make_shared<const std::string>(file.content);
    get(file.path, [&file, content](Exchange& exchange) {
      exchange.set_header("Cache-Control", "no-cache");
      exchange.answer(200, content, file.media_type);
    });
  }
  get("/health", [this](Exchange& exchange) { answer_health(exchange); });
  get("/metrics", [this](Exchange& exchange) {
    exchange.answer(200, metrics_.text(queue_->load()), "text/plain; version=0.0.4");
  });
  get("/v1/models", [this](Exchange& exchange) { answer_models(exchange); });
  get("/v1/models/*", [this](Exchange& exchange) { answer_model(exchange); });
  get("/v1/loras", [this](Exchange& exchange) { answer_loras(exchange); });
  get("/v1/images/*", [this](Exchange& exchange) { answer_picture(exchange); });
  const auto post_json = [this](const char* path, Route route, int64_t max_bytes) {
    http_.route("POST",
                path,
                {[this, route](Exchange& exchange) { (this->*route)(exchange); },
                 [max_bytes](const Exchange& exchange) {
                   require_json(exchange.content_type());
                   return max_bytes;
                 }});
  };
  post_json("/v1/spelled_texts", &Server::answer_spelled_texts, kMaxSpelledTextsBytes);
  post_json("/v1/warnings", &Server::answer_warnings, kMaxWarningsBytes);
  // Their answers may hold whole pictures: a handler writes them.
  const auto in_handler = [](std::function<void(Exchange&)> handle) {
    return HttpRoute{std::move(handle), [](const Exchange& exchange) {
                       if (exchange.head().has_body()) require_json(exchange.content_type());
                       return kMaxJobBytes;
                     }};
  };
  http_.route("POST", "/v1/models/unload", in_handler([this](auto& e) { answer_unload(e); }));
  http_.route("GET", "/v1/jobs", in_handler([this](auto& e) { answer_jobs(e); }));
  http_.route("GET", "/v1/jobs/*", in_handler([this](auto& e) { answer_job(e); }));
  http_.route("DELETE", "/v1/jobs/*", in_handler([this](auto& e) { cancel_job(e); }));
  http_.route("POST", "/v1/jobs/*", in_handler([this](auto& e) { cancel_job(e); }));
  http_.route("POST", "/v1/images/generations", drawing_.generations());
  http_.route("POST", "/v1/images/edits", drawing_.edits());
  for (const char* path : {"/health",
                           "/metrics",
                           "/v1/models",
                           "/v1/models/*",
                           "/v1/models/unload",
                           "/v1/jobs",
                           "/v1/jobs/*",
                           "/v1/loras",
                           "/v1/spelled_texts",
                           "/v1/warnings",
                           "/v1/images/*",
                           "/v1/images/generations",
                           "/v1/images/edits"}) {
    http_.route(
        "OPTIONS", path, {[this](Exchange& exchange) { access_.answer_preflight(exchange); }, {}});
  }
}

void Server::answer_health(Exchange& exchange) const {
  const bool closed = queue_->is_closed();
  answer_json(exchange,
              health_json(pipeline_.info(), options_, queue_->load(), closed),
              closed ? 503 : 200);
}

void Server::answer_models(Exchange& exchange) const {
  answer_json(exchange,
              {{"object", "list"},
               {"data", OrderedJson::array({model_json(pipeline_.info(), is_loaded_)})}});
}

/// GET /v1/models/{id}.
void Server::answer_model(Exchange& exchange) const {
  const auto id = exchange.path().substr(std::string_view(kModels).size());
  if (id != pipeline_.info().name) {
    throw ApiError(404,
                   concat("the model ",
                          io::shown_name(id.substr(0, 64)),
                          " does not exist; this server has ",
                          io::shown_name(pipeline_.info().name)),
                   "model",
                   "model_not_found");
  }
  answer_json(exchange, model_json(pipeline_.info(), is_loaded_));
}

/// Responds with the adapters that requests may name. `default_scale` is null for those of
/// --lora-dir.
void Server::answer_loras(Exchange& exchange) const {
  auto data = OrderedJson::array();
  for (const auto& adapter : pipeline_.info().adapters) {
    data.push_back({{"name", adapter.name},
                    {"object", "lora"},
                    {"components", adapter.components},
                    {"layers", adapter.layers},
                    {"rank", adapter.rank},
                    {"bytes", adapter.bytes},
                    {"default_scale", nullptr}});
    if (adapter.default_scale) data.back()["default_scale"] = *adapter.default_scale;
  }
  answer_json(exchange, {{"object", "list"}, {"data", data}});
}

/// The texts that a prompt spells, for the page. Positions are byte offsets in UTF-8.
void Server::answer_spelled_texts(Exchange& exchange) {
  const auto body = json_of(exchange.take_body());
  const auto prompt = ApiFields(body, /*fields_are_text=*/false).text("prompt").value_or("");
  // Same limit as for drawing. For a prompt of quotation marks, the response takes some hundred
  // times as much memory.
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

/// The warnings that a request would get, for the page.
void Server::answer_warnings(Exchange& exchange) {
  constexpr int64_t kMaxNumber = 1 << 20;
  const auto body = json_of(exchange.take_body());
  const ApiFields fields(body, /*fields_are_text=*/false);
  const auto number = [&](const char* name) {
    return fields.whole_number(name, 0, kMaxNumber).value_or(0);
  };
  const PictureSize size = {number("width"), number("height")};
  if ((size.width == 0) != (size.height == 0)) fields.refuse("height", "given with width");
  const auto warnings = pipeline::warnings_of(pipeline_.info().profile, size, number("pictures"));
  answer_json(exchange, {{"warnings", warnings_json(warnings)}});
}

/// Releases the weights: now, or as soon as nothing is drawn and nothing waits.
void Server::answer_unload(Exchange& exchange) {
  if (!exchange.body().empty()) {
    const auto body = json_of(exchange.take_body());
    const auto model = ApiFields(body, /*fields_are_text=*/false).text("model");
    if (model && *model != pipeline_.info().name) {
      throw ApiError(
          404,
          concat("model must be ", pipeline_.info().name, ", found ", model->substr(0, 64)),
          "model",
          "not_found");
    }
  }
  const bool is_done = queue_->rest();
  answer_json(exchange,
              {{"model", pipeline_.info().name}, {"status", is_done ? "unloaded" : "pending"}},
              is_done ? 200 : 202);
}

void Server::answer_jobs(Exchange& exchange) {
  answer_json(exchange, jobs_.list());
}

/// GET /v1/jobs/{id} and /v1/jobs/{id}/preview.
void Server::answer_job(Exchange& exchange) {
  auto id = exchange.path().substr(std::string_view(kJobs).size());
  if (take_end(id, kPreview)) {
    const auto picture = jobs_.preview(id);
    exchange.set_header("Cache-Control", "no-store");
    if (!picture) return exchange.answer(204, "", "text/plain");
    return exchange.answer(200, picture->bytes, picture->media_type);
  }
  answer_json(exchange, jobs_.describe(id, address_of(exchange, options_.drawing.public_url)));
}

/// DELETE /v1/jobs/{id}, or POST /v1/jobs/{id}/cancel.
void Server::cancel_job(Exchange& exchange) {
  auto id = exchange.path().substr(std::string_view(kJobs).size());
  if (exchange.method() == "POST" && !take_end(id, kCancel)) {
    throw ApiError(404, "there is nothing at this path", "", "not_found");
  }
  jobs_.cancel(id);
  answer_json(exchange, jobs_.describe(id, address_of(exchange, options_.drawing.public_url)));
}

void Server::answer_picture(Exchange& exchange) {
  const auto picture = store_.find(exchange.path().substr(std::string("/v1/images/").size()));
  if (!picture) {
    throw ApiError(404, "the picture does not exist or has expired", "", "not_found");
  }
  exchange.set_header("Cache-Control", "private, max-age=3600");
  exchange.answer(200, picture->bytes, picture->media_type);
}

}  // namespace glm_image::server
