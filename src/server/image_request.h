#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "glm_image/request.h"
#include "image/image_format.h"

namespace glm_image::server {

/// What a request to draw may ask for at most.
struct RequestLimits {
  int64_t max_pixels = int64_t{1} << 22;  ///< of one picture
  int64_t max_steps = 100;
  int64_t max_count = 10;
  /// For quality auto; nothing leaves them to the model.
  std::optional<int64_t> default_steps;
};

/// A request to draw, as POST /v1/images/generations and /edits take it.
struct ImageRequest {
  /// Its width and height are multiples of 32; 0 for auto. The seed is drawn where none is given.
  Request request;
  /// Its pictures to start from, which the job takes along.
  int64_t condition_images = 0;
  /// About the request and its pictures to start from.
  std::vector<Warning> warnings;
  /// Pixels of the answer where they are not the drawn ones: any size is drawn at the next
  /// multiples of 32 and then resized. 0 for as drawn.
  int64_t width = 0;
  int64_t height = 0;
  bool as_url = false;
  image::ImageFormat format = image::ImageFormat::kPng;
  int compression = 95;  ///< quality of a JPEG or WebP, 1 to 100
  std::string quality = "auto";
  bool stream = false;
  bool progress = false;  ///< progress events in the stream
};

/// Reads the fields of a request from JSON. Unknown fields are ignored, null ones count as absent.
/// Throws ApiError 400 naming the field, what it may be and what was found; also for a field that
/// would change the picture and is not supported (refuse_unsupported). `fields_are_text` as for
/// ApiFields.
ImageRequest read_image_request(const nlohmann::json& fields,
                                const RequestLimits& limits,
                                bool fields_are_text = false);

/// The JSON object of a body. Throws ApiError 400; for a body that is not UTF-8 it names the first
/// wrong byte, counted from 0.
nlohmann::json parse_body(std::string_view body);

/// "png", "jpeg", "webp".
const char* format_name(image::ImageFormat format);
/// "image/png", …
std::string media_type(image::ImageFormat format);

}  // namespace glm_image::server
