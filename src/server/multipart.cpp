#include "server/multipart.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "server/api_error.h"

namespace glm_image::server {
namespace {

constexpr size_t kMaxParts = 64;
constexpr size_t kMaxPartHeaderBytes = 4096;
constexpr size_t kMaxBoundary = 70;

[[noreturn]] void refuse(const std::string& message) {
  throw ApiError(400, "multipart body: " + message, "", "invalid_multipart");
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes the next parameter of a header value like `form-data; name="a\"b"; filename=c` from the
/// front of `rest`.
struct Parameter {
  std::string name, value;
};
std::optional<Parameter> next_parameter(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ';' || rest.front() == ' ' || rest.front() == '\t')) {
    rest.remove_prefix(1);
  }
  const auto equals = rest.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Parameter parameter{lower(trimmed(rest.substr(0, equals))), ""};
  rest.remove_prefix(equals + 1);
  if (rest.empty() || rest.front() != '"') {
    const auto end = rest.find(';');
    parameter.value = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end, rest.size()));
    return parameter;
  }
  size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    parameter.value += rest[i];
  }
  if (i >= rest.size()) return std::nullopt;
  rest.remove_prefix(i + 1);
  return parameter;
}

/// What comes before the first ';', and the rest.
std::string_view take_value(std::string_view& header) {
  const auto end = std::min(header.find(';'), header.size());
  const auto value = trimmed(header.substr(0, end));
  header.remove_prefix(end);
  return value;
}

void read_disposition(std::string_view value, FormPart& part) {
  if (lower(take_value(value)) != "form-data") refuse("a part is not form-data");
  while (const auto parameter = next_parameter(value)) {
    if (parameter->name == "name") part.name = parameter->value;
    if (parameter->name == "filename" || parameter->name == "filename*") part.is_file = true;
  }
}

FormPart read_part(std::string_view bytes) {
  const auto header_end = bytes.find("\r\n\r\n");
  if (header_end == std::string_view::npos || header_end > kMaxPartHeaderBytes) {
    refuse("a part has no headers, or more than " + std::to_string(kMaxPartHeaderBytes) + " bytes");
  }
  FormPart part;
  part.content = bytes.substr(header_end + 4);
  auto headers = bytes.substr(0, header_end);
  while (!headers.empty()) {
    const auto end = std::min(headers.find("\r\n"), headers.size());
    const auto line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 2, headers.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) refuse("a header of a part has no colon");
    if (lower(trimmed(line.substr(0, colon))) != "content-disposition") continue;
    read_disposition(trimmed(line.substr(colon + 1)), part);
  }
  if (part.name.empty()) refuse("a part has no name");
  return part;
}

}  // namespace

std::string multipart_boundary(const std::string& content_type) {
  std::string_view rest = content_type;
  if (lower(take_value(rest)) != "multipart/form-data") {
    throw ApiError(415,
                   "the body must be multipart/form-data with the pictures in fields image or "
                   "image[]; found Content-Type '" +
                       content_type.substr(0, 100) + "'",
                   "",
                   "unsupported_media_type");
  }
  std::string boundary;
  while (const auto parameter = next_parameter(rest)) {
    if (parameter->name == "boundary") boundary = parameter->value;
  }
  const bool printable =
      std::all_of(boundary.begin(), boundary.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
  if (boundary.empty() || boundary.size() > kMaxBoundary || !printable) {
    refuse("the Content-Type names no boundary of 1 to 70 characters");
  }
  return boundary;
}

std::vector<FormPart> parse_multipart(std::string_view body, const std::string& boundary) {
  const std::string delimiter = "\r\n--" + boundary;
  // The first delimiter may stand at the very beginning, without its line break.
  if (body.rfind(delimiter.substr(2), 0) == 0) {
    body.remove_prefix(delimiter.size() - 2);
  } else {
    const auto first = body.find(delimiter);
    if (first == std::string_view::npos) refuse("its boundary does not occur in it");
    body.remove_prefix(first + delimiter.size());
  }
  std::vector<FormPart> parts;
  while (body.rfind("--", 0) != 0) {
    // After a delimiter: padding, then the end of the line.
    const auto line_end = body.find("\r\n");
    if (line_end == std::string_view::npos || !trimmed(body.substr(0, line_end)).empty()) {
      refuse("it ends in the middle, or a boundary is not on a line of its own");
    }
    body.remove_prefix(line_end + 2);
    const auto end = body.find(delimiter);
    if (end == std::string_view::npos) refuse("it ends in the middle of a part");
    if (parts.size() == kMaxParts)
      refuse("it has more than " + std::to_string(kMaxParts) + " parts");
    parts.push_back(read_part(body.substr(0, end)));
    body.remove_prefix(end + delimiter.size());
  }
  return parts;
}

}  // namespace glm_image::server
