#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/header_value.h"

namespace glm_image::server {

/// One field of a form sent as multipart/form-data (RFC 7578).
struct FormPart {
  std::string name;
  bool is_file = false;        ///< whether a file name came with it, which may be empty
  bool has_file_name = false;  ///< whether that name is not empty; the name itself is not kept
  HeaderValue type;            ///< Content-Type, where one came with it
  std::string_view content;    ///< within the body

  /// Whether the field was left empty: browsers send a file input without a file as a file of no
  /// name and no bytes.
  bool is_left_empty() const { return content.empty() && !has_file_name; }
};

/// The boundary that a Content-Type header names. Throws ApiError 415 for another type or a
/// charset other than UTF-8, 400 for multipart/form-data without a well-formed boundary of 1 to 70
/// characters.
std::string multipart_boundary(const std::string& content_type);

/// The parts of a body, which must outlive them. Throws ApiError 400 for a body that is not whole,
/// a part without a name or with encoded content, headers of more than 4 KiB, or more than 64
/// parts.
std::vector<FormPart> parse_multipart(std::string_view body, const std::string& boundary);

}  // namespace glm_image::server
