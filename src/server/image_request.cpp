#include "server/image_request.h"

#include <charconv>
#include <map>
#include <random>

#include "core/error.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "io/json_parse.h"
#include "server/api_error.h"
#include "server/api_fields.h"
#include "server/unsupported_fields.h"
#include "text/grid.h"
#include "text/unicode.h"

namespace glm_image::server {
namespace {

constexpr int64_t kMinSide = 16;
/// No request needs more values; a body of small ones would take many times its size in memory.
constexpr int64_t kMaxBodyValues = int64_t{1} << 16;

int64_t next_multiple(int64_t side) {
  return (side + text::kPixelsPerToken - 1) / text::kPixelsPerToken * text::kPixelsPerToken;
}

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
  int64_t width = 0, height = 0;
  const char* end = size->data() + size->size();
  const auto first = std::from_chars(size->data(), end, width);
  if (first.ec != std::errc() || first.ptr == end || (*first.ptr != 'x' && *first.ptr != 'X')) {
    refuse();
  }
  const auto second = std::from_chars(first.ptr + 1, end, height);
  if (second.ec != std::errc() || second.ptr != end) refuse();
  for (const int64_t side : {width, height}) {
    if (side < kMinSide || side > limits::kMaxSide) refuse();
  }
  if (next_multiple(width) * next_multiple(height) > limits.max_pixels) refuse();
  wanted.request.width = next_multiple(width);
  wanted.request.height = next_multiple(height);
  if (wanted.request.width != width || wanted.request.height != height) {
    wanted.width = width;
    wanted.height = height;
  }
}

/// Quality is a number of denoising steps, which `steps` overrules.
void read_steps(const ApiFields& fields, const RequestLimits& limits, ImageRequest& wanted) {
  const std::map<std::string, int64_t> steps_of = {{"low", 15},
                                                   {"medium", 30},
                                                   {"standard", 30},
                                                   {"high", 50},
                                                   {"hd", 50},
                                                   {"xhigh", 75},
                                                   {"max", 100}};
  wanted.quality =
      fields.choice("quality", {"auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"})
          .value_or("auto");
  wanted.request.steps =
      wanted.quality == "auto" ? limits.default_steps : steps_of.at(wanted.quality);
  if (wanted.request.steps)
    wanted.request.steps = std::min(*wanted.request.steps, limits.max_steps);
  for (const char* name : {"num_inference_steps", "steps"}) {
    const auto steps = fields.whole_number(name, 1, limits.max_steps);
    if (steps) wanted.request.steps = *steps;
  }
}

void read_drawing(const ApiFields& fields, int64_t max_count, Request& request) {
  const auto prompt = fields.text("prompt");
  if (!prompt || prompt->find_first_not_of(" \t\r\n") == std::string::npos) {
    fields.refuse("prompt", "a text that says what to draw");
  }
  request.prompt = *prompt;
  request.texts = fields.texts("texts");
  if (fields.choice("glyph_rules", {"smart", "reference"}).value_or("smart") == "reference") {
    request.glyph_rules = GlyphRules::kReference;
  }
  for (const char* name : {"guidance_scale", "guidance"}) {
    const auto guidance = fields.number(name, limits::kMinGuidance, limits::kMaxGuidance);
    if (guidance) request.guidance = guidance;
  }
  request.temperature =
      fields.number("temperature", limits::kMinTemperature, limits::kMaxTemperature);
  request.top_p = fields.number("top_p", limits::kMinTopP, limits::kMaxTopP);
  request.count = fields.whole_number("n", 1, max_count).value_or(1);
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
  const auto compression = fields.whole_number("output_compression", 0, 100);
  if (compression) wanted.compression = std::max(1, static_cast<int>(*compression));
  wanted.stream = fields.truth("stream").value_or(false);
  wanted.progress = fields.truth("progress").value_or(false);
  const auto partials = fields.whole_number("partial_images", 0, limits::kMaxPreviews);
  if (wanted.stream) wanted.request.previews = partials.value_or(0);
  if (wanted.stream && wanted.as_url) {
    throw ApiError(400, "stream answers with b64_json only", "response_format", "invalid_value");
  }
}

/// Refuses what this model cannot do: ignoring it would give a wrong picture.
void refuse_the_impossible(const nlohmann::json& object, const ApiFields& fields) {
  refuse_unsupported(object);
  if (fields.choice("background", {"auto", "opaque", "transparent"}) == "transparent") {
    fields.refuse("background", "auto or opaque: this model draws no transparent pictures");
  }
  // OpenAI's values of these say how much effort to make; this model always makes the same.
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
  read_steps(fields, limits, wanted);
  read_answer(fields, wanted);
  return wanted;
}

nlohmann::json parse_body(std::string_view body) {
  nlohmann::json json;
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
