#include "server/picture_reference.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/base64.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "io/shown.h"
#include "server/api_error.h"
#include "server/header_value.h"

namespace glm_image::server {
namespace {

using Json = nlohmann::json;

constexpr const char* kExample = "data:image/png;base64,…";
constexpr size_t kMaxMediaTypeBytes = 1024;

[[noreturn]] void refuse_field(const std::string& field,
                               const std::string& message,
                               const char* code = "invalid_value") {
  throw ApiError(400, message, field, code);
}

/// "https" of "https://a.example"; empty if the text is not a URL.
std::string scheme_of(std::string_view text) {
  const auto colon = text.find(':');
  const auto scheme = text.substr(0, colon);
  const bool is_scheme = colon != std::string_view::npos && colon > 0 && colon < 16 &&
                         std::all_of(scheme.begin(), scheme.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
                         });
  return is_scheme ? lower(scheme) : "";
}

/// "%2B" → "+". Any character of a URL may be encoded.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t byte = 0;
    const bool is_escape =
        text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 2] + 1, byte, 16).ptr == &text[i + 2] + 1;
    decoded += is_escape ? static_cast<char>(byte) : text[i];
    if (is_escape) i += 2;
  }
  return decoded;
}

/// The supported types, and the generic one. The decoder inspects only the bytes.
bool is_picture_type(const std::string& type) {
  constexpr std::array kTypes = {
      "image/png", "image/jpeg", "image/jpg", "image/webp", "application/octet-stream"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

std::string found_kind(const Json& value) {
  return io::shown(value.is_null() ? nullptr : &value);
}

/// The URL in a list's element or in a field with one picture.
const std::string& url_of(const Json& value, const std::string& field, std::string& where) {
  const Json* inner = &value;
  // Chat messages use {"image_url": {"url": …}}.
  for (int level = 0; level < 2 && inner->is_object(); ++level) {
    if (inner->contains("file_id") && !inner->at("file_id").is_null()) {
      refuse_field(field,
                   concat(where,
                          ".file_id: this server stores no files; send the picture itself as "
                          "image_url, like ",
                          kExample),
                   "unsupported_value");
    }
    const char* name = level == 0 && inner->contains("image_url") ? "image_url" : "url";
    const auto found = inner->find(name);
    if (found == inner->end()) {
      refuse_field(field,
                   concat(where,
                          " must be {\"image_url\": \"",
                          kExample,
                          "\"}; found an object without image_url"));
    }
    where += std::string(".") + name;
    inner = &*found;
  }
  if (!inner->is_string()) {
    refuse_field(field,
                 concat(where, " must be a text like ", kExample, "; found ", found_kind(*inner)));
  }
  return inner->get_ref<const std::string&>();
}

}  // namespace

bool is_picture_field(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames = {
      "images", "image", "input_reference", "url", "image_url", "imageDataUrl", "imageDataUrls"};
  const auto base = name.substr(0, name.find('['));
  return std::find(kNames.begin(), kNames.end(), base) != kNames.end();
}

bool is_url(std::string_view text) {
  const auto scheme = scheme_of(text.substr(0, 16));
  return scheme == "data" || (!scheme.empty() && text.substr(scheme.size(), 3) == "://");
}

std::string picture_of_data_url(std::string_view url,
                                const std::string& field,
                                const std::string& where,
                                int64_t max_bytes) {
  url = trimmed(url);
  const auto scheme = scheme_of(url);
  if (scheme == "http" || scheme == "https") {
    refuse_field(field,
                 concat(where,
                        " is the address of a picture elsewhere, and this server fetches nothing "
                        "from the network; send the picture itself, like ",
                        kExample),
                 "unsupported_value");
  }
  if (scheme != "data") {
    refuse_field(field,
                 concat(where,
                        " must be a data URL like ",
                        kExample,
                        "; found ",
                        io::shown_name(std::string(url.substr(0, 80)))));
  }
  url.remove_prefix(scheme.size() + 1);
  const auto comma = url.find(',');
  if (comma == std::string_view::npos || comma > kMaxMediaTypeBytes) {
    refuse_field(field, concat(where, " must be a data URL like ", kExample, "; found no comma"));
  }
  const auto type = parse_header_value(url.substr(0, comma));
  url.remove_prefix(comma + 1);
  if (!is_picture_type(type.value)) {
    refuse_field(field,
                 concat(where,
                        " must be image/png, image/jpeg or image/webp; found ",
                        type.value.empty() ? "no media type" : io::shown_name(type.value)));
  }
  if (type.parameters.empty() || type.parameters.back().first != "base64") {
    refuse_field(field, concat(where, " must be in base64, like ", kExample));
  }
  std::string decoded_url;
  if (url.find('%') != std::string_view::npos) {
    decoded_url = percent_decoded(url);
    url = decoded_url;
  }
  const auto require_room = [&](size_t bytes) {
    if (static_cast<int64_t>(bytes) <= max_bytes) return;
    throw ApiError(413,
                   concat(where, ": the pictures are larger than the ", max_bytes, " bytes left"),
                   field,
                   "body_too_large");
  };
  constexpr size_t kMaxPadding = 2;
  require_room(std::max(url.size() / 4 * 3, kMaxPadding) - kMaxPadding);
  size_t error_at = 0;
  auto picture = from_base64(url, error_at);
  if (!picture) {
    refuse_field(field,
                 error_at < url.size()
                     ? concat(where,
                              " is not base64: character ",
                              error_at,
                              " after the comma is not one of its digits")
                     : concat(where, " is incomplete base64: it ends in the middle of a byte"));
  }
  require_room(picture->size());
  if (picture->empty()) refuse_field(field, concat(where, " contains no picture"));
  return std::move(*picture);
}

std::vector<std::string> pictures_of_field(const Json& value,
                                           const std::string& field,
                                           int64_t max_bytes) {
  const size_t count = value.is_array() ? value.size() : 1;
  if (count > limits::kMaxConditionImages) {
    refuse_field(
        field,
        concat(
            field, " must be at most ", limits::kMaxConditionImages, " pictures; found ", count));
  }
  std::vector<std::string> pictures;
  for (size_t i = 0; i < count; ++i) {
    auto where = value.is_array() ? concat(field, '[', i, ']') : field;
    const auto& url = url_of(value.is_array() ? value[i] : value, field, where);
    pictures.push_back(picture_of_data_url(url, field, where, max_bytes));
    max_bytes -= static_cast<int64_t>(pictures.back().size());
  }
  return pictures;
}

}  // namespace glm_image::server
