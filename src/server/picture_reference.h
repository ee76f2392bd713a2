#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

/// Condition images in a request as data URLs: data:image/png;base64,…
namespace glm_image::server {

/// Whether a field holds condition images. The names are OpenAI's `images` and those of other
/// servers and clients (`image`, `input_reference`, `url`, `image_url`, `imageDataUrl`), with or
/// without an index such as image[] or image[0].
bool is_picture_field(std::string_view name);

/// Whether a text is a URL rather than an encoded picture.
bool is_url(std::string_view text);

/// Decodes a data URL of at most `max_bytes` bytes; `field` and `where` name it in messages. Throws
/// ApiError 400 for another kind of URL, a media type other than a picture's and invalid base64;
/// 413 for a file that is too large.
std::string picture_of_data_url(std::string_view url,
                                const std::string& field,
                                const std::string& where,
                                int64_t max_bytes);

/// Decodes the files of a JSON field: a data URL, an object {"image_url": URL} or {"image_url":
/// {"url": URL}}, or a list of these. Together they have at most `max_bytes` bytes. Throws as
/// picture_of_data_url does, and ApiError 400 for other values and more than 16 pictures.
std::vector<std::string> pictures_of_field(const nlohmann::json& value,
                                           const std::string& field,
                                           int64_t max_bytes);

}  // namespace glm_image::server
