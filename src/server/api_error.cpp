#include "server/api_error.h"

#include <map>
#include <new>
#include <utility>

#include "io/json_text.h"

namespace glm_image::server {
namespace {

using io::OrderedJson;

const char* error_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 404) return "not_found_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/// The API's name for a field of Request; empty if a client sets no such field. A request sends
/// condition_images under several names: see rethrow_with_picture_field.
std::string param_of(const std::string& field) {
  static const std::map<std::string, const char*> kParams = {
      {"prompt", "prompt"},
      {"size", "size"},
      {"steps", "steps"},
      {"speed", "speed"},
      {"solver", "solver"},
      {"guidance", "guidance"},
      {"guided", "guidance_interval"},
      {"guidance_every", "guidance_every"},
      {"step_cache", "step_cache"},
      {"reference_pixels", "reference_pixels"},
      {"temperature", "temperature"},
      {"top_p", "top_p"},
      {"texts", "texts"},
      {"previews", "partial_images"},
      {"count", "n"},
      {"draft", "draft"},
      {"composition", "composition"},
      {"adapters", "loras"},
      {"verify", "verify"},
      {"best_of", "best_of"},
  };
  const auto found = kParams.find(field);
  return found == kParams.end() ? "" : found->second;
}

}  // namespace

ApiError::ApiError(int status, const std::string& message, std::string param, std::string code)
    : std::runtime_error(message),
      status_(status),
      param_(std::move(param)),
      code_(std::move(code)) {}

std::string ApiError::json() const {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? OrderedJson() : OrderedJson(text);
  };
  return io::json_text(OrderedJson{{"error",
                                    {{"message", what()},
                                     {"type", error_type(status_)},
                                     {"param", or_null(param_)},
                                     {"code", or_null(code_)}}}});
}

ApiError api_error(const std::exception& error) {
  if (const auto* answer = dynamic_cast<const ApiError*>(&error)) return *answer;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return {503, "not enough memory", "", "out_of_memory"};
  }
  const auto* ours = dynamic_cast<const Error*>(&error);
  switch (ours == nullptr ? ErrorCode::kInternal : ours->code()) {
    case ErrorCode::kInvalidInput:
    case ErrorCode::kUnsupported:
      return {400, error.what(), param_of(ours->field()), "invalid_value"};
    case ErrorCode::kCancelled:
      return {499, "the request was cancelled", "", "cancelled"};
    case ErrorCode::kOutOfMemory:
      return {
          503, "not enough memory for this picture; try a smaller size", "size", "out_of_memory"};
    default:
      return {500, "the server failed; its log has the reason", "", "internal_error"};
  }
}

}  // namespace glm_image::server
