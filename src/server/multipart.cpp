#include "server/multipart.h"

#include <algorithm>

#include "core/prefix.h"
#include "io/shown.h"
#include "server/api_error.h"

namespace glm_image::server {
namespace {

constexpr size_t kMaxParts = 64;
constexpr size_t kMaxPartHeaderBytes = 4096;
constexpr size_t kMaxBoundary = 70;

[[noreturn]] void refuse(const std::string& message) {
  throw ApiError(400, "multipart body: " + message, "", "invalid_multipart");
}

void read_disposition(const HeaderValue& disposition, FormPart& part) {
  if (disposition.value != "form-data") refuse("a part is not form-data");
  for (const auto& [name, value] : disposition.parameters) {
    if (name == "name") part.name = value;
    if (name == "filename" || name == "filename*") {
      part.is_file = true;
      part.has_file_name = part.has_file_name || !value.empty();
    }
  }
}

/// RFC 7578 deprecates encodings of a part; its bytes must be unencoded.
void check_transfer_encoding(const std::string& encoding) {
  for (const char* plain : {"", "7bit", "8bit", "binary"}) {
    if (encoding == plain) return;
  }
  refuse("a part has the Content-Transfer-Encoding " + io::shown_name(encoding) +
         "; send its bytes as they are");
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
    const auto name = lower(trimmed(line.substr(0, colon)));
    const auto value = line.substr(colon + 1);
    if (name == "content-disposition") read_disposition(parse_header_value(value), part);
    if (name == "content-type") part.type = parse_header_value(value);
    if (name == "content-transfer-encoding") check_transfer_encoding(lower(trimmed(value)));
  }
  if (part.name.empty()) refuse("a part has no name");
  return part;
}

}  // namespace

std::string multipart_boundary(const std::string& content_type) {
  const auto type = parse_header_value(content_type);
  if (type.value != "multipart/form-data") {
    throw ApiError(415,
                   "the body must be multipart/form-data with the pictures in fields image or "
                   "image[], or application/json with them as data URLs in images; found " +
                       (content_type.empty() ? "no Content-Type"
                                             : "Content-Type " + io::shown_name(content_type)),
                   "",
                   "unsupported_media_type");
  }
  require_utf8_charset(type, "the form");
  auto boundary = type.parameter("boundary");
  const bool printable =
      std::all_of(boundary.begin(), boundary.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
  if (boundary.empty() || boundary.size() > kMaxBoundary || !printable) {
    refuse("the Content-Type must have a boundary of 1 to 70 characters");
  }
  return boundary;
}

std::vector<FormPart> parse_multipart(std::string_view body, const std::string& boundary) {
  const std::string delimiter = "\r\n--" + boundary;
  // The first delimiter may be at the start of the body, without a line break before it.
  if (body.rfind(delimiter.substr(2), 0) == 0) {
    body.remove_prefix(delimiter.size() - 2);
  } else {
    const auto first = body.find(delimiter);
    if (first == std::string_view::npos) refuse("its boundary does not occur in it");
    body.remove_prefix(first + delimiter.size());
  }
  std::vector<FormPart> parts;
  while (!starts_with(body, "--")) {
    // A delimiter may be followed by padding before the end of the line.
    const auto line_end = body.find("\r\n");
    if (line_end == std::string_view::npos || !trimmed(body.substr(0, line_end)).empty()) {
      refuse("it is incomplete, or a boundary is not on its own line");
    }
    body.remove_prefix(line_end + 2);
    const auto end = body.find(delimiter);
    if (end == std::string_view::npos) refuse("a part is incomplete");
    if (parts.size() == kMaxParts)
      refuse("it has more than " + std::to_string(kMaxParts) + " parts");
    parts.push_back(read_part(body.substr(0, end)));
    body.remove_prefix(end + delimiter.size());
  }
  return parts;
}

}  // namespace glm_image::server
