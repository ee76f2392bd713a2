#include "server/picture_answer.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "core/base64.h"
#include "core/text_format.h"
#include "image/codec.h"
#include "image/resize.h"
#include "pipeline/json_exchange.h"
#include "pipeline/picture_metadata.h"
#include "pipeline/request_values.h"
#include "pipeline/text_checks.h"

namespace glm_image::server {
namespace {

int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string event(const OrderedJson& data) {
  return "event: " + data.at("type").get<std::string>() + "\ndata: " + io::json_text(data) + "\n\n";
}

OrderedJson picture_facts(const ImageRequest& wanted, const std::string& size) {
  return {{"size", size},
          {"quality", wanted.quality},
          {"background", "opaque"},
          {"output_format", format_name(wanted.format)}};
}

image::EncodeOptions encode_options(const ImageRequest& wanted) {
  image::EncodeOptions options;
  options.quality = wanted.compression;
  pipeline::add_source_mark(/*is_edit=*/wanted.condition_images > 0, options);
  return options;
}

/// Adds the tokens of a draft, which a later request can complete.
void add_composition(const ImageRequest& wanted, const Picture& picture, OrderedJson& json) {
  if (wanted.request.draft) json["composition"] = pipeline::to_json(picture.composition);
}

/// Adds what was read back, with boxes in the pixels of the response's picture.
void add_verification(const ImageRequest& wanted, const Picture& picture, OrderedJson& json) {
  if (!pipeline::wants_verification(wanted.request)) return;
  auto checks = picture.verification;
  if (wanted.width != 0) {
    checks = pipeline::resized(std::move(checks),
                               wanted.request.width,
                               wanted.request.height,
                               wanted.width,
                               wanted.height);
  }
  json["verification"] = pipeline::to_json(checks);
}

/// Adds the prompt if it was rewritten.
void add_revised_prompt(const ImageRequest& wanted, OrderedJson& json) {
  const auto& prompt = wanted.request.prompt;
  if (wanted.asked_prompt.empty() || prompt == wanted.asked_prompt) return;
  json["revised_prompt"] = prompt;
}

/// The warnings about the request, and those about the texts of its pictures.
OrderedJson all_warnings(const ImageRequest& wanted, const Result& result) {
  auto warnings = wanted.warnings;
  for (auto& warning : pipeline::text_warnings(result)) warnings.push_back(std::move(warning));
  return warnings_json(warnings);
}

}  // namespace

std::string encode_picture(const Picture& picture,
                           const ImageRequest& wanted,
                           const ModelInfo& model) {
  auto options = encode_options(wanted);
  if (wanted.metadata) {
    auto recipe = pipeline::recipe_of(wanted.request, wanted.condition_images, picture, model);
    recipe.file_width = wanted.width;
    recipe.file_height = wanted.height;
    pipeline::add_parameters(recipe, options);
  }
  // Drafts are not resized.
  if (wanted.width == 0 || wanted.request.draft) {
    return image::encode_image(picture.image, wanted.format, options);
  }
  return image::encode_image(
      image::resize_lanczos(picture.image, wanted.width, wanted.height), wanted.format, options);
}

std::string encode_preview(const Preview& preview, const ImageRequest& wanted) {
  return image::encode_image(preview.image, wanted.format, encode_options(wanted));
}

std::string answered_size(const ImageRequest& wanted, const Image& drawn) {
  if (wanted.width != 0 && !wanted.request.draft) return concat(wanted.width, "x", wanted.height);
  return concat(drawn.width, "x", drawn.height);
}

std::string answer_origin(const std::string& host_header,
                          const std::string& local_address,
                          int local_port,
                          const char* scheme) {
  constexpr std::string_view kPunctuation = "-._~:[]";
  const bool is_host =
      !host_header.empty() && std::all_of(host_header.begin(), host_header.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kPunctuation.find(c) != std::string_view::npos;
      });
  if (is_host) return concat(scheme, "://", host_header);
  const bool is_ipv6 = local_address.find(':') != std::string::npos;
  const auto host = is_ipv6 ? "[" + local_address + "]" : local_address;
  return concat(scheme, "://", host, ':', local_port);
}

OrderedJson warnings_json(const std::vector<Warning>& warnings) {
  auto json = OrderedJson::array();
  for (const auto& warning : warnings) {
    json.push_back({{"code", warning.code}, {"message", warning.message}});
  }
  return json;
}

OrderedJson usage_json(const Result& result, bool with_output_details) {
  const int64_t input = result.prompt_tokens + result.condition_tokens;
  OrderedJson usage = {
      {"input_tokens", input},
      {"input_tokens_details",
       {{"text_tokens", result.prompt_tokens}, {"image_tokens", result.condition_tokens}}},
      {"output_tokens", result.generated_tokens},
      {"total_tokens", input + result.generated_tokens}};
  if (with_output_details) {
    usage["output_tokens_details"] = {{"image_tokens", result.generated_tokens},
                                      {"text_tokens", 0}};
  }
  return usage;
}

OrderedJson answer_json(const ImageRequest& wanted,
                        const Result& result,
                        const std::vector<std::string>& pictures) {
  OrderedJson json = {{"created", now_seconds()}, {"data", OrderedJson::array()}};
  for (size_t i = 0; i < pictures.size(); ++i) {
    json["data"].push_back(
        {{wanted.as_url ? "url" : "b64_json", pictures[i]}, {"seed", result.pictures[i].seed}});
    add_composition(wanted, result.pictures[i], json["data"].back());
    add_verification(wanted, result.pictures[i], json["data"].back());
    add_revised_prompt(wanted, json["data"].back());
  }
  json.update(picture_facts(wanted, answered_size(wanted, result.pictures.at(0).image)));
  json["spelled_texts"] = result.spelled_texts;
  if (wanted.request.best_of > 1) json["candidates"] = result.candidates;
  json["warnings"] = all_warnings(wanted, result);
  json["usage"] = usage_json(result, /*with_output_details=*/true);
  return json;
}

std::string partial_event(const std::string& family,
                          const ImageRequest& wanted,
                          const Preview& preview) {
  OrderedJson data = {{"type", family + ".partial_image"},
                      {"b64_json", base64(encode_preview(preview, wanted))},
                      {"partial_image_index", preview.index},
                      {"image_index", preview.picture},
                      {"is_draft", preview.is_draft},
                      {"created_at", now_seconds()}};
  data.update(picture_facts(wanted, concat(preview.image.width, "x", preview.image.height)));
  return event(data);
}

std::string completed_event(const std::string& family,
                            const ImageRequest& wanted,
                            const Result& result,
                            size_t picture,
                            const std::string& encoded) {
  OrderedJson data = {{"type", family + ".completed"},
                      {"b64_json", base64(encoded)},
                      {"image_index", picture},
                      {"seed", result.pictures.at(picture).seed},
                      {"spelled_texts", result.spelled_texts},
                      {"warnings", all_warnings(wanted, result)},
                      {"created_at", now_seconds()}};
  data.update(picture_facts(wanted, answered_size(wanted, result.pictures.at(picture).image)));
  add_composition(wanted, result.pictures.at(picture), data);
  add_verification(wanted, result.pictures.at(picture), data);
  add_revised_prompt(wanted, data);
  if (wanted.request.best_of > 1) data["candidates"] = result.candidates;
  data["usage"] = usage_json(result, /*with_output_details=*/false);
  return event(data);
}

std::string progress_event(const std::string& family, const JobStatus& status) {
  OrderedJson data = {{"type", family + ".progress"},
                      {"state", state_name(status.state)},
                      {"position", status.position},
                      {"seconds_left", nullptr}};
  if (status.seconds_left) data["seconds_left"] = *status.seconds_left;
  if (status.state == JobStatus::State::kRunning) {
    data["stage"] = stage_name(status.progress.stage);
    data["step"] = status.progress.step;
    data["total"] = status.progress.total;
    data["image_index"] = status.progress.picture;
  }
  return event(data);
}

std::string error_event(const std::string& error_json) {
  return "event: error\ndata: " + error_json + "\n\n";
}

}  // namespace glm_image::server
