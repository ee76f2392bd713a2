#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "glm_image/request.h"
#include "image/image_format.h"
#include "server/body_memory.h"

namespace glm_image::server {

/// The smallest side of an answer's picture, in pixels; the largest is limits::kMaxSide.
inline constexpr int64_t kMinSide = 16;

/// Limits of a request for pictures.
struct RequestLimits {
  int64_t max_pixels = int64_t{1} << 22;  ///< per picture
  int64_t max_steps = 100;
  int64_t max_count = 10;
  /// Steps for quality auto. Without a value, the model's own number.
  std::optional<int64_t> default_steps;
  /// The model's own number of steps, which the presets of speed and quality scale.
  int64_t model_steps = 50;
};

/// A request to POST /v1/images/generations or /edits.
struct ImageRequest {
  /// Width and height are multiples of 32, or 0 for auto. The seed is random unless given.
  Request request;
  /// Number of condition images. The job holds the images themselves.
  int64_t condition_images = 0;
  /// About the request and its condition images.
  std::vector<Warning> warnings;
  /// Size of the response's pictures if it differs from the drawn size, else 0. Other sizes are
  /// drawn at the next multiples of 32 and then resized.
  int64_t width = 0;
  int64_t height = 0;
  bool as_url = false;
  image::ImageFormat format = image::ImageFormat::kPng;
  int compression = 95;  ///< quality of a JPEG or WebP, 1 to 100
  bool metadata = true;  ///< whether the picture stores prompt and settings
  std::string quality = "auto";
  /// Whether the prompt is to be rewritten; without a value, as the server does.
  std::optional<bool> rewrite;
  /// The prompt as written, if it may be rewritten; else empty.
  std::string asked_prompt;
  bool stream = false;
  bool progress = false;  ///< send progress events in the stream
  bool is_async = false;  ///< respond with a job at once (server/job_table.h)
};

/// Parses the fields of a request. Unknown fields are ignored and null counts as absent. Throws
/// ApiError 400 naming the field, the allowed values and the value found, and also for unsupported
/// fields that would change the picture (refuse_unsupported). `fields_are_text`: see ApiFields.
ImageRequest read_image_request(const nlohmann::json& fields,
                                const RequestLimits& limits,
                                bool fields_are_text = false);

/// Parses the JSON object of a body. Throws ApiError 400; if the body is not UTF-8, the message has
/// the offset of the first invalid byte. The number of values and the depth are limited while
/// parsing.
nlohmann::json parse_body(std::string_view body);

/// An upper bound on the memory that parse_body uses for a body of this size.
int64_t parsing_bytes(std::size_t body_bytes);

/// As parse_body, and frees the body. Throws ApiError 503 if BodyMemory has no room for the parser.
nlohmann::json json_of(Body body);

/// "png", "jpeg", "webp".
const char* format_name(image::ImageFormat format);
/// "image/png", …
std::string media_type(image::ImageFormat format);

}  // namespace glm_image::server
