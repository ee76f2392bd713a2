#include "server/request_head.h"

#include <algorithm>
#include <string>

#include "core/text_format.h"
#include "server/api_error.h"
#include "server/header_value.h"

namespace glm_image::server {
namespace {

constexpr std::size_t kMaxTargetBytes = 8192;
/// A lookup of a field walks over all of them.
constexpr int kMaxFields = 128;
/// Digits of a Content-Length; longer values may exceed 64 bits.
constexpr std::size_t kMaxLengthDigits = 18;

[[noreturn]] void refuse_syntax(const std::string& what) {
  throw ApiError(400, "the request is not well-formed HTTP: " + what, "", "bad_request");
}

[[noreturn]] void refuse_framing(const std::string& what) {
  throw ApiError(400, "the length of the body is ambiguous: " + what, "", "invalid_framing");
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_token_character(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}

std::string_view take_line(std::string_view& head) {
  const auto end = head.find("\r\n");
  const auto line = head.substr(0, end);
  head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
  return line;
}

/// Returns whether the version is HTTP/1.1 rather than 1.0.
bool check_request_line(std::string_view line) {
  const auto method_end = line.find(' ');
  const auto target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || method_end == target_end) {
    refuse_syntax("the first line must be METHOD TARGET HTTP/1.1");
  }
  const auto target = line.substr(method_end + 1, target_end - method_end - 1);
  const auto version = line.substr(target_end + 1);
  if (target.size() > kMaxTargetBytes) throw ApiError(414, "the path is too long");
  if (!is_token(line.substr(0, method_end)) || target.empty() ||
      !std::all_of(target.begin(), target.end(), is_visible)) {
    refuse_syntax("the first line must be METHOD TARGET HTTP/1.1");
  }
  if (version == "HTTP/1.1") return true;
  if (version == "HTTP/1.0") return false;
  if (version.size() == 8 && version.substr(0, 5) == "HTTP/" && is_digit(version[5]) &&
      version[6] == '.' && is_digit(version[7])) {
    throw ApiError(505, "this server supports HTTP/1.1 and HTTP/1.0");
  }
  refuse_syntax("the first line must end in HTTP/1.1");
}

struct Field {
  std::string_view name, value;
};

Field split_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) refuse_syntax("a field has no colon");
  // This excludes white space before the colon and folded lines.
  if (!is_token(line.substr(0, colon))) refuse_syntax("the name of a field is not a token");
  const auto value = line.substr(colon + 1);
  if (!std::all_of(value.begin(), value.end(), is_field_text)) {
    refuse_syntax("the value of a field has a control character");
  }
  return {line.substr(0, colon), trimmed(value)};
}

}  // namespace

bool is_field_text(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
}

bool may_stand_at(std::string_view bytes, std::size_t i) {
  const bool after_return = i > 0 && bytes[i - 1] == '\r';
  return bytes[i] != '\0' && after_return == (bytes[i] == '\n');
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  for (; position_ < bytes.size(); ++position_) {
    if (!may_stand_at(bytes, position_)) return State::kMalformed;
    if (bytes[position_] != '\n') continue;
    const bool is_empty_line = position_ == line_begin_ + 1;
    line_begin_ = position_ + 1;
    if (!is_empty_line) continue;
    ++position_;
    return State::kComplete;
  }
  return State::kIncomplete;
}

void check_field(std::string_view line) {
  split_field(line);
}

void check_head(std::string_view head) {
  const bool is_http_1_1 = check_request_line(take_line(head));
  int fields = 0, hosts = 0, lengths = 0, codings = 0;
  while (!head.empty()) {
    const auto line = take_line(head);
    if (line.empty()) break;
    if (++fields > kMaxFields) refuse_syntax(concat("more than ", kMaxFields, " header fields"));
    const auto field = split_field(line);
    const auto name = lower(field.name);
    if (name == "host") ++hosts;
    if (name == "content-length") {
      ++lengths;
      if (field.value.empty() || field.value.size() > kMaxLengthDigits ||
          !std::all_of(field.value.begin(), field.value.end(), is_digit)) {
        refuse_framing("Content-Length must be a whole number of at most 18 digits");
      }
    }
    if (name == "transfer-encoding") {
      ++codings;
      if (lower(field.value) != "chunked") {
        refuse_framing("the only Transfer-Encoding is chunked");
      }
    }
  }
  if (lengths + codings > 1) {
    refuse_framing("there must be one Content-Length or one Transfer-Encoding, not both");
  }
  if (codings > 0 && !is_http_1_1) refuse_framing("HTTP/1.0 has no Transfer-Encoding");
  if (hosts > 1 || (hosts == 0 && is_http_1_1)) refuse_syntax("there must be exactly one Host");
}

}  // namespace glm_image::server
