#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

/// Pictures to start from that stand in a request as data URLs: data:image/png;base64,…
namespace glm_image::server {

/// Whether a field holds pictures to start from: `images`, OpenAI's, and the names that other
/// servers and their clients have for it (`image`, `input_reference`, `url`, `image_url`,
/// `imageDataUrl`), with or without an index such as image[] or image[0].
bool is_picture_field(std::string_view name);

/// Whether a text is a URL and not a picture itself.
bool is_url(std::string_view text);

/// The file in a data URL of at most `max_bytes`; `field` and `where` name it in messages. Throws
/// ApiError 400 for another kind of URL, another media type than a picture's and bad base64; 413
/// for a file that is too large.
std::string picture_of_data_url(std::string_view url,
                                const std::string& field,
                                const std::string& where,
                                int64_t max_bytes);

/// The files of a JSON field: a data URL, an object {"image_url": URL} or {"image_url": {"url":
/// URL}}, or a list of these. Together they have at most `max_bytes`. Throws as
/// picture_of_data_url does, and ApiError 400 for other values and more than 16 pictures.
std::vector<std::string> pictures_of_field(const nlohmann::json& value,
                                           const std::string& field,
                                           int64_t max_bytes);

}  // namespace glm_image::server
