#pragma once

#include <deque>
#include <functional>

#include "glm_image/error.h"
#include "server/image_request.h"
#include "server/multipart.h"

namespace glm_image::server {

/// A request to POST /v1/images/edits: the fields of a generation and encoded pictures, in order.
struct EditForm {
  ImageRequest wanted;
  std::vector<std::string_view> pictures;  ///< encoded; views into the form's body or `unpacked`
  std::deque<std::string> unpacked;        ///< contents of data URLs
  std::string picture_field = "image";     ///< for error messages
};

/// Parses a form. Pictures are in the fields that is_picture_field accepts, as files or data URLs.
/// Empty fields count as absent. Throws ApiError 400, or 413 if data URLs contain more than
/// `max_picture_bytes` bytes of pictures.
EditForm read_edit_form(const std::vector<FormPart>& parts,
                        const RequestLimits& limits,
                        int64_t max_picture_bytes = int64_t{50} << 20);

/// Parses a JSON body and frees it after parsing. Throws as read_edit_form does.
EditForm read_edit_json(std::string body, const RequestLimits& limits, int64_t max_picture_bytes);

/// The largest JSON body for pictures of `max_picture_bytes`: base64 encodes three bytes as four
/// characters.
int64_t max_edit_json_bytes(int64_t max_picture_bytes);

/// Throws ApiError 400 with param `field` if a picture is empty or not a PNG, JPEG or WebP file.
/// Decodes nothing.
void check_picture_formats(const std::vector<std::string_view>& pictures, const std::string& field);

/// Bytes of the pixels that decode_pictures makes, by the headers of the files. Damaged files and
/// more than `max_pixels` pixels, which it refuses, do not count.
int64_t decoded_bytes(const std::vector<std::string_view>& pictures, int64_t max_pixels);

/// Decodes pictures into the request. Checks before allocating that they have at most `max_pixels`
/// pixels together. Appends warnings about them to `warnings`. Throws ApiError 400 with param
/// `field` naming the picture, and kCancelled once `goes_on` returns false.
void decode_pictures(const std::vector<std::string_view>& pictures,
                     int64_t max_pixels,
                     Request& request,
                     const std::string& field = "image",
                     std::vector<std::string>* warnings = nullptr,
                     const std::function<bool()>& goes_on = {});

/// Rethrows the error that is being handled. One about pictures ("picture 2: …", "pictures to start
/// from: …") becomes an
/// ApiError 400 with param `field`.
[[noreturn]] void rethrow_with_picture_field(const Error& error, const std::string& field);

}  // namespace glm_image::server
