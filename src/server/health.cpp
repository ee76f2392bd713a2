#include "server/health.h"

#include <algorithm>

#include "glm_image/limits.h"
#include "pipeline/model_profile.h"
#include "pipeline/speed.h"
#include "server/server.h"

namespace glm_image::server {
namespace {

using io::OrderedJson;
using pipeline::to_json;

/// The presets of `speed`, with their steps for this model.
OrderedJson speeds_json(const RequestLimits& limits) {
  auto speeds = OrderedJson::array();
  for (const auto& preset : pipeline::speed_presets()) {
    Request request;
    request.speed = preset.speed;
    pipeline::fill_speed(request, limits.model_steps);
    speeds.push_back({{"name", speed_name(preset.speed)},
                      {"steps", std::min(*request.steps, limits.max_steps)}});
  }
  return speeds;
}

}  // namespace

OrderedJson health_json(const ModelInfo& model,
                        const ServerOptions& options,
                        const JobQueue::Load& load,
                        bool closed) {
  const auto& profile = model.profile;
  OrderedJson json = {
      {"status", closed ? "stopping" : "ok"},
      {"version", version()},
      {"model", model.name},
      {"queue",
       {{"running", load.running},
        {"waiting", load.waiting},
        {"max_waiting", options.max_waiting},
        {"seconds_left", nullptr}}},
      {"defaults",
       {{"width", profile.sizes.front().width},
        {"height", profile.sizes.front().height},
        {"steps", *options.drawing.limits.default_steps},
        {"guidance", profile.guidance},
        {"speeds", speeds_json(options.drawing.limits)},
        {"max_steps", options.drawing.limits.max_steps},
        {"max_pixels", options.drawing.limits.max_pixels}}},
      {"limits",
       {{"min_side", kMinSide},
        {"max_side", limits::kMaxSide},
        {"max_count", options.drawing.limits.max_count},
        {"max_best_of", limits::kMaxBestOf},
        {"max_seed", limits::kMaxSeed},
        {"guidance", {limits::kMinGuidance, limits::kMaxGuidance}},
        {"reference_pixels", {limits::kMinReferencePixels, limits::kMaxReferencePixels}},
        {"lora_scale", {-limits::kMaxAdapterScale, limits::kMaxAdapterScale}},
        {"temperature", {limits::kMinTemperature, limits::kMaxTemperature}},
        {"max_prompt_bytes", limits::kMaxPromptBytes},
        {"max_pictures", limits::kMaxConditionImages},
        {"connections", options.http.max_connections},
        {"header_bytes", options.http.max_header_bytes},
        {"body_bytes", options.drawing.max_body_bytes},
        {"body_memory_bytes", options.http.max_body_memory},
        {"answer_memory_bytes", options.http.max_answer_memory},
        {"slowest_bytes_per_second", options.http.slowest_bytes_per_second}}},
      {"profile", to_json(profile)},
      {"needs_key", options.access.key.is_set()}};
  if (load.seconds_left) json["queue"]["seconds_left"] = *load.seconds_left;
  return json;
}

}  // namespace glm_image::server
