#include "server/image_request.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "core/error.h"
#include "core/round_up.h"
#include "core/text_format.h"
#include "core/width_height.h"
#include "glm_image/limits.h"
#include "io/json_parse.h"
#include "pipeline/glyph_rules.h"
#include "pipeline/json_exchange.h"
#include "pipeline/speed.h"
#include "server/api_error.h"
#include "server/api_fields.h"
#include "server/unsupported_fields.h"
#include "text/grid.h"
#include "text/unicode.h"

namespace glm_image::server {
namespace {

/// More than any request needs. A body of small values would take many times its size in memory.
constexpr int64_t kMaxBodyValues = int64_t{1} << 16;

void read_size(const ApiFields& fields, const RequestLimits& limits, ImageRequest& wanted) {
  const auto size = fields.text("size");
  if (!size || *size == "auto") return;
  const auto refuse = [&] {
    fields.refuse("size",
                  concat("auto or WIDTHxHEIGHT, sides from ",
                         kMinSide,
                         " to ",
                         limits::kMaxSide,
                         " pixels and at most ",
                         limits.max_pixels,
                         " pixels in all"));
  };
  const auto parsed = parse_width_height(*size);
  if (!parsed) refuse();
  const auto [width, height] = *parsed;
  for (const int64_t side : {width, height}) {
    if (side < kMinSide || side > limits::kMaxSide) refuse();
  }
  wanted.request.width = round_up(width, text::kTokenSide);
  wanted.request.height = round_up(height, text::kTokenSide);
  if (wanted.request.width * wanted.request.height > limits.max_pixels) refuse();
  if (wanted.request.width != width || wanted.request.height != height) {
    wanted.width = width;
    wanted.height = height;
  }
}

/// A quality of OpenAI's API: a preset and a factor for the model's own number of steps.
struct Quality {
  Speed speed;
  double steps;
};

const std::map<std::string, Quality>& qualities() {
  static const std::map<std::string, Quality> table = {{"low", {Speed::kFast, 1}},
                                                       {"medium", {Speed::kBalanced, 1}},
                                                       {"standard", {Speed::kBalanced, 1}},
                                                       {"high", {Speed::kExact, 1}},
                                                       {"hd", {Speed::kExact, 1}},
                                                       {"xhigh", {Speed::kExact, 1.5}},
                                                       {"max", {Speed::kExact, 2}}};
  return table;
}

/// Parses the parameters of denoising. Individual fields override `speed`, which overrides
/// `quality`.
void read_denoising(const ApiFields& fields, const RequestLimits& limits, ImageRequest& wanted) {
  auto& request = wanted.request;
  wanted.quality =
      fields.choice("quality", {"auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"})
          .value_or("auto");
  const auto speed = fields.choice("speed", pipeline::speed_names());
  for (const char* name : {"num_inference_steps", "steps"}) {
    const auto steps = fields.whole_number(name, 1, limits.max_steps);
    if (steps) request.steps = *steps;
  }
  if (const auto solver = fields.choice("solver", pipeline::solver_names())) {
    request.solver = pipeline::solver_named(*solver);
  }
  if (const auto interval = fields.pair("guidance_interval", 0, 1)) {
    if (interval->first > interval->second) {
      fields.refuse("guidance_interval", "two numbers, the smaller first");
    }
    request.guided = {interval->first, interval->second};
  }
  request.guidance_every = fields.whole_number("guidance_every", 1, limits::kMaxSteps);
  request.step_cache = fields.number("step_cache", 0, limits::kMaxStepCache);
  double share = 1;
  if (speed) {
    request.speed = pipeline::speed_named(*speed);
  } else if (wanted.quality != "auto") {
    const auto& quality = qualities().at(wanted.quality);
    request.speed = quality.speed;
    share = quality.steps;
  }
  const bool steps_given = request.steps.has_value();
  if (request.speed) {
    const auto steps = share * static_cast<double>(limits.model_steps);
    pipeline::fill_speed(request, std::llround(steps));
  } else if (!steps_given) {
    request.steps = limits.default_steps;
  }
  if (request.steps) request.steps = std::min(*request.steps, limits.max_steps);
}

/// Parses a composition, from the response to a draft or a file of `--save-tokens`.
void read_composition(const ApiFields& fields, Request& request) {
  request.draft = fields.truth("draft").value_or(false);
  for (const char* name : {"composition", "tokens"}) {
    const auto object = fields.object(name);
    if (!object) continue;
    if (request.composition) {
      throw ApiError(
          400, "composition and tokens are the same field; send only one", name, "invalid_value");
    }
    try {
      request.composition = pipeline::composition_from_json(io::JsonFields(*object, name));
    } catch (const Error& error) {
      throw ApiError(400, error.what(), name, "invalid_value");
    }
  }
  if (request.draft && request.composition) {
    throw ApiError(400, "draft must be false with a composition", "draft", "invalid_value");
  }
}

/// Reads the adapters. An empty list means the model alone, an absent one the server's --lora.
void read_loras(const ApiFields& fields, Request& request) {
  const auto list = fields.list("loras");
  if (!list) return;
  try {
    const io::JsonFields object(nlohmann::json{{"loras", *list}}, "the request");
    request.adapters = pipeline::adapters_from_json(object, "loras");
  } catch (const Error& error) {
    throw ApiError(400, error.what(), "loras", "invalid_value");
  }
}

void read_drawing(const ApiFields& fields, int64_t max_count, Request& request) {
  const auto prompt = fields.text("prompt");
  if (!prompt || prompt->find_first_not_of(" \t\r\n") == std::string::npos) {
    fields.refuse("prompt", "a text that says what to draw");
  }
  request.prompt = *prompt;
  request.texts = fields.texts("texts");
  if (const auto rules = fields.choice("glyph_rules", pipeline::glyph_rules_names())) {
    request.glyph_rules = pipeline::glyph_rules_named(*rules);
  }
  for (const char* name : {"guidance_scale", "guidance"}) {
    const auto guidance = fields.number(name, limits::kMinGuidance, limits::kMaxGuidance);
    if (guidance) request.guidance = guidance;
  }
  request.temperature =
      fields.number("temperature", limits::kMinTemperature, limits::kMaxTemperature);
  request.top_p = fields.number("top_p", limits::kMinTopP, limits::kMaxTopP);
  request.reference_pixels =
      fields
          .whole_number(
              "reference_pixels", limits::kMinReferencePixels, limits::kMaxReferencePixels)
          .value_or(0);
  request.count = fields.whole_number("n", 1, max_count).value_or(1);
  request.verify = fields.truth("verify").value_or(false);
  request.best_of = fields.whole_number("best_of", 1, limits::kMaxBestOf).value_or(1);
  const auto seed = fields.seed("seed");
  request.seed = seed ? *seed : std::random_device()();
}

void read_answer(const ApiFields& fields, ImageRequest& wanted) {
  wanted.as_url =
      fields.choice("response_format", {"b64_json", "url"}).value_or("b64_json") == "url";
  const auto format =
      fields.choice("output_format", {"png", "jpeg", "jpg", "webp"}).value_or("png");
  if (format == "webp") wanted.format = image::ImageFormat::kWebp;
  if (format == "jpeg" || format == "jpg") wanted.format = image::ImageFormat::kJpeg;
  const auto compression = fields.whole_number("output_compression", 0, limits::kMaxQuality);
  if (compression) {
    wanted.compression = std::max(limits::kMinQuality, static_cast<int>(*compression));
  }
  wanted.stream = fields.truth("stream").value_or(false);
  wanted.progress = fields.truth("progress").value_or(false);
  wanted.rewrite = fields.truth("rewrite");
  wanted.is_async = fields.truth("async").value_or(false);
  if (wanted.is_async && wanted.stream) {
    throw ApiError(400, "async must be false with stream", "async", "invalid_value");
  }
  const auto partials = fields.whole_number("partial_images", 0, limits::kMaxPreviews);
  if (wanted.stream || wanted.is_async) wanted.request.previews = partials.value_or(0);
  if (wanted.stream && wanted.as_url) {
    throw ApiError(400, "stream answers with b64_json only", "response_format", "invalid_value");
  }
}

/// Refuses what the model does not support, since ignoring it would give a wrong picture.
void refuse_the_impossible(const nlohmann::json& object, const ApiFields& fields) {
  refuse_unsupported(object);
  if (fields.choice("background", {"auto", "opaque", "transparent"}) == "transparent") {
    fields.refuse("background", "auto or opaque: this model draws no transparent pictures");
  }
  // Validated but ignored: these name a model, a user or a filter, or request more or less effort.
  for (const char* name : {"model", "user", "safety_identifier"}) fields.text(name);
  fields.choice("moderation", {"low", "auto"});
  fields.choice("style", {"vivid", "natural"});
  fields.choice("input_fidelity", {"low", "high"});
  fields.choice("complexity", {"low", "medium", "high", "auto"});
}

}  // namespace

ImageRequest read_image_request(const nlohmann::json& object,
                                const RequestLimits& limits,
                                bool fields_are_text) {
  const ApiFields fields(object, fields_are_text);
  ImageRequest wanted;
  refuse_the_impossible(object, fields);
  read_drawing(fields, limits.max_count, wanted.request);
  read_size(fields, limits, wanted);
  read_composition(fields, wanted.request);
  read_loras(fields, wanted.request);
  read_denoising(fields, limits, wanted);
  read_answer(fields, wanted);
  return wanted;
}

nlohmann::json parse_body(std::string_view body) {
  nlohmann::json json;
  if (body.empty()) throw ApiError(400, "the body must be a JSON object", "", "invalid_json");
  if (const auto invalid = text::first_invalid_utf8(body)) {
    throw ApiError(400, concat("the body is not UTF-8, at byte ", *invalid), "", "invalid_json");
  }
  try {
    json = io::parse_json(body, "the body", kMaxBodyValues);
  } catch (const Error& error) {
    throw ApiError(400, error.what(), "", "invalid_json");
  }
  if (!json.is_object()) throw ApiError(400, "the body must be a JSON object", "", "invalid_json");
  return json;
}

int64_t parsing_bytes(std::size_t body_bytes) {
  // The parser holds a text twice, raw and decoded, in buffers that grow by copying.
  constexpr int64_t kCopies = 3;
  // Size of a member of an object, a tree node.
  constexpr int64_t kBytesOfValue = 128;
  const auto bytes = static_cast<int64_t>(body_bytes);
  return kCopies * bytes + kBytesOfValue * std::min(bytes / 2, kMaxBodyValues);
}

nlohmann::json json_of(Body body) {
  const auto size = body.bytes().size();
  if (size == 0) throw ApiError(400, "the body is empty; send a JSON object", "", "invalid_json");
  body.share().require(static_cast<int64_t>(size) + parsing_bytes(size));
  return parse_body(body.bytes());
}

const char* format_name(image::ImageFormat format) {
  switch (format) {
    case image::ImageFormat::kPng:
      return "png";
    case image::ImageFormat::kJpeg:
      return "jpeg";
    case image::ImageFormat::kWebp:
      return "webp";
  }
  return "";
}

std::string media_type(image::ImageFormat format) {
  return std::string("image/") + format_name(format);
}

}  // namespace glm_image::server
