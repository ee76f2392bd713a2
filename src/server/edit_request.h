#pragma once

#include "server/image_request.h"
#include "server/multipart.h"

namespace glm_image::server {

/// Reads the form of POST /v1/images/edits: the fields of a generation, and the pictures in
/// `image`, `image[]` or `image[0]`, …, in order. The pictures are not decoded yet. Throws ApiError
/// 400.
struct EditForm {
  ImageRequest wanted;
  std::vector<std::string_view> pictures;  ///< encoded; within the body
};
EditForm read_edit_form(const std::vector<FormPart>& parts, const RequestLimits& limits);

/// Decodes them into the request. Together they may have `max_pixels`, which is checked before a
/// pixel is held. Adds what the client should know about them to `warnings`. Throws ApiError 400
/// naming the picture.
void decode_pictures(const std::vector<std::string_view>& pictures,
                     int64_t max_pixels,
                     Request& request,
                     std::vector<std::string>* warnings = nullptr);

}  // namespace glm_image::server
