#pragma once

#include <cstddef>
#include <string_view>

namespace glm_image::server {

/// Whether byte `i` may follow the bytes before it in lines that end in CRLF: it is not NUL, and CR
/// and LF occur only together.
bool may_stand_at(std::string_view bytes, std::size_t i);

/// Finds the end of a request's header section, an empty line, in bytes that arrive in parts. Other
/// line ends and NUL bytes are malformed, since other programs could see other lines in the same
/// bytes (request smuggling).
class HeadScanner {
 public:
  enum class State { kIncomplete, kComplete, kMalformed };

  /// `bytes` starts with the bytes of the previous call.
  State scan(std::string_view bytes);
  /// Size of a complete header section, including the empty line.
  std::size_t size() const { return position_; }

 private:
  std::size_t position_ = 0;
  std::size_t line_begin_ = 0;
};

/// Whether a character may occur in a field's value or a chunk's extension: visible ones, bytes
/// above ASCII, spaces and tabs.
bool is_field_text(char c);

/// Checks a line of a header or trailer section, without its CRLF: a token, a colon and a value
/// without control characters. A folded line has no such name. Throws ApiError 400.
void check_field(std::string_view line);

/// Checks a complete header section against the grammar of RFC 9112. The body's length must be
/// unambiguous: one Content-Length of digits, or only the transfer coding "chunked". Throws
/// ApiError 400, 414 for a long target, 505 for another version.
void check_head(std::string_view head);

}  // namespace glm_image::server
