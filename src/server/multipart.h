#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/header_value.h"

namespace glm_image::server {

/// One field of a form sent as multipart/form-data (RFC 7578).
struct FormPart {
  std::string name;
  bool is_file = false;        ///< whether it has a file name, which may be empty
  bool has_file_name = false;  ///< whether the file name is not empty; the name itself is not kept
  HeaderValue type;            ///< Content-Type; empty if absent
  std::string_view content;    ///< a view into the body

  /// Whether the field was left empty: browsers send an empty file input as a file without name and
  /// bytes.
  bool is_left_empty() const { return content.empty() && !has_file_name; }
};

/// The boundary in a Content-Type header. Throws ApiError 415 for another type or a charset other
/// than UTF-8, 400 for multipart/form-data without a well-formed boundary of 1 to 70 characters.
std::string multipart_boundary(const std::string& content_type);

/// Parses the parts of a body, which must outlive them. Throws ApiError 400 if the body is
/// incomplete or has more than 64 parts. Throws it also for a part without a name, with encoded
/// content or with more than 4 KiB of headers.
std::vector<FormPart> parse_multipart(std::string_view body, const std::string& boundary);

}  // namespace glm_image::server
