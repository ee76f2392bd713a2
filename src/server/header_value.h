#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Values of HTTP headers (RFC 9110). Media types, tokens and parameter names are case-insensitive
/// in HTTP, so they are returned in lower case.
namespace glm_image::server {

/// Converts ASCII letters to lower case.
std::string lower(std::string_view text);

/// Removes HTTP's white space (spaces and tabs) at both ends.
std::string_view trimmed(std::string_view text);

/// A value with parameters, such as `text/html; charset="utf-8"`.
struct HeaderValue {
  std::string value;  ///< up to the first ';', in lower case
  /// Names in lower case. Values without their quotes. A name without '=' has an empty value.
  std::vector<std::pair<std::string, std::string>> parameters;

  /// Returns the value of the last parameter of this name, or an empty string.
  std::string parameter(std::string_view name) const;
};

/// Throws ApiError 400 if a quoted value has no closing quote.
HeaderValue parse_header_value(std::string_view text);

/// The elements of a list such as `Keep-Alive, TE`, in lower case, without empty ones.
std::vector<std::string> header_tokens(std::string_view text);

/// Whether a Content-Type denotes JSON. Throws ApiError 415 for JSON that is not UTF-8.
bool is_json(const HeaderValue& content_type);

/// Throws ApiError 415 unless a Content-Type denotes JSON in UTF-8.
void require_json(const std::string& content_type);

/// Throws ApiError 415 if the charset of `content_type` is something other than UTF-8 or ASCII.
/// `what` names the text in the message.
void require_utf8_charset(const HeaderValue& content_type, const std::string& what);

/// Throws ApiError 415 for a Content-Encoding other than identity.
void check_content_encoding(const std::string& header);

/// Throws ApiError 417 for an Expect other than 100-continue, the only value that HTTP defines.
void check_expectation(const std::string& header);

}  // namespace glm_image::server
