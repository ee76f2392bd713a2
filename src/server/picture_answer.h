#pragma once

#include <string>

#include "glm_image/pipeline.h"
#include "io/json_text.h"
#include "server/image_request.h"
#include "server/job_queue.h"

/// The JSON in which drawn pictures leave the server.
namespace glm_image::server {

using io::OrderedJson;

/// A finished picture as a file of the wanted size and format; a PNG remembers how it was made, for
/// `glm-image generate --like`.
std::string encode_picture(const Picture& picture,
                           const ImageRequest& wanted,
                           const ModelInfo& model);
/// An early look as a file of the wanted format.
std::string encode_preview(const Preview& preview, const ImageRequest& wanted);

/// {"width", "height"} → "512x384": the size of the answer.
std::string answered_size(const ImageRequest& wanted, const Image& drawn);

/// The beginning of the addresses in an answer: http:// and the name by which the client reached
/// the server, its Host header. Where that is missing or no name with a port, the address that the
/// connection came in on.
std::string answer_origin(const std::string& host_header,
                          const std::string& local_address,
                          int local_port);

/// [{"code", "message"}, …]
OrderedJson warnings_json(const std::vector<Warning>& warnings);

/// Truthful: prompt and picture tokens read, visual tokens written.
OrderedJson usage_json(const Result& result);

/// The body of an answer that is not streamed; `pictures` are base64 texts or addresses.
OrderedJson answer_json(const ImageRequest& wanted,
                        const Result& result,
                        const std::vector<std::string>& pictures);

/// Events of a stream; `family` is "image_generation" or "image_edit".
std::string partial_event(const std::string& family,
                          const ImageRequest& wanted,
                          const Preview& preview);
std::string completed_event(const std::string& family,
                            const ImageRequest& wanted,
                            const Result& result,
                            size_t picture,
                            const std::string& encoded);
/// Not OpenAI's; sent only when the request has "progress": true.
std::string progress_event(const std::string& family, const JobStatus& status);
std::string error_event(const std::string& error_json);

}  // namespace glm_image::server
