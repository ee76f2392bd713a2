#include "server/header_value.h"

#include <algorithm>

#include "core/text_format.h"
#include "io/shown.h"
#include "server/api_error.h"

namespace glm_image::server {
namespace {

/// Consumes a quoted value from the front of `rest`: "a\"b" → a"b.
std::string take_quoted(std::string_view& rest) {
  std::string value;
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return value;
    }
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    value += rest[i];
  }
  throw ApiError(400, "a header has a quoted value without its closing quote", "", "bad_request");
}

}  // namespace

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string HeaderValue::parameter(std::string_view name) const {
  std::string found;
  for (const auto& [key, parameter] : parameters) {
    if (key == name) found = parameter;
  }
  return found;
}

HeaderValue parse_header_value(std::string_view text) {
  HeaderValue parsed;
  auto end = std::min(text.find(';'), text.size());
  parsed.value = lower(trimmed(text.substr(0, end)));
  text.remove_prefix(end);
  while (!text.empty()) {
    text.remove_prefix(1);  // the ';'
    end = std::min(text.find_first_of(";="), text.size());
    auto name = lower(trimmed(text.substr(0, end)));
    text.remove_prefix(end);
    std::string value;
    if (!text.empty() && text.front() == '=') {
      text = trimmed(text.substr(1));
      if (!text.empty() && text.front() == '"') {
        value = take_quoted(text);
        text.remove_prefix(std::min(text.find(';'), text.size()));
      } else {
        end = std::min(text.find(';'), text.size());
        value = trimmed(text.substr(0, end));
        text.remove_prefix(end);
      }
    }
    if (!name.empty()) parsed.parameters.emplace_back(std::move(name), std::move(value));
  }
  return parsed;
}

std::vector<std::string> header_tokens(std::string_view text) {
  std::vector<std::string> tokens;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const auto token = trimmed(text.substr(0, end));
    if (!token.empty()) tokens.push_back(lower(token));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

void require_utf8_charset(const HeaderValue& content_type, const std::string& what) {
  const auto charset = content_type.parameter("charset");
  for (const char* name : {"", "utf-8", "utf8", "us-ascii", "ascii"}) {
    if (lower(charset) == name) return;
  }
  throw ApiError(415,
                 concat(what, " must be UTF-8; found the charset ", io::shown_name(charset)),
                 "",
                 "unsupported_media_type");
}

bool is_json(const HeaderValue& content_type) {
  if (content_type.value != "application/json") return false;
  require_utf8_charset(content_type, "JSON");
  return true;
}

void require_json(const std::string& content_type) {
  if (is_json(parse_header_value(content_type))) return;
  throw ApiError(415,
                 content_type.empty() ? "the Content-Type must be application/json; found none"
                                      : concat("the Content-Type must be application/json; found ",
                                               io::shown_name(content_type)),
                 "",
                 "unsupported_media_type");
}

void check_content_encoding(const std::string& header) {
  for (const auto& coding : header_tokens(header)) {
    if (coding == "identity") continue;
    throw ApiError(415,
                   concat("the body must not be compressed; found the Content-Encoding ",
                          io::shown_name(coding)),
                   "",
                   "unsupported_media_type");
  }
}

void check_expectation(const std::string& header) {
  for (const auto& expectation : header_tokens(header)) {
    if (expectation == "100-continue") continue;
    throw ApiError(417,
                   concat("Expect must be 100-continue; found ", io::shown_name(expectation)),
                   "",
                   "expectation_failed");
  }
}

}  // namespace glm_image::server
