#pragma once

#include <deque>

#include "server/image_request.h"
#include "server/multipart.h"

namespace glm_image::server {

/// A request of POST /v1/images/edits: the fields of a generation, and pictures that are not
/// decoded yet, in order.
struct EditForm {
  ImageRequest wanted;
  std::vector<std::string_view> pictures;  ///< encoded; within the form's body or within `unpacked`
  std::deque<std::string> unpacked;        ///< of data URLs
  std::string picture_field = "image";     ///< names the pictures in messages
};

/// Reads a form. Pictures are in the fields that is_picture_field knows, as files or data URLs.
/// Fields that were left empty count as absent. Throws ApiError 400; 413 for data URLs of more than
/// `max_picture_bytes` bytes of pictures.
EditForm read_edit_form(const std::vector<FormPart>& parts,
                        const RequestLimits& limits,
                        int64_t max_picture_bytes = int64_t{50} << 20);

/// Reads a JSON body, and lets it go when it is parsed. Throws as read_edit_form does.
EditForm read_edit_json(std::string body, const RequestLimits& limits, int64_t max_picture_bytes);

/// The largest JSON body whose pictures have at most `max_picture_bytes`: base64 writes three bytes
/// as four characters.
int64_t max_edit_json_bytes(int64_t max_picture_bytes);

/// Decodes pictures into the request. Together they may have `max_pixels`, which is checked before
/// a pixel is held. Adds what the client should know about them to `warnings`. Throws ApiError 400
/// naming the picture; its param is `field`.
void decode_pictures(const std::vector<std::string_view>& pictures,
                     int64_t max_pixels,
                     Request& request,
                     const std::string& field = "image",
                     std::vector<std::string>* warnings = nullptr);

}  // namespace glm_image::server
