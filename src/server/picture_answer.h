#pragma once

#include <string>

#include "glm_image/pipeline.h"
#include "io/json_text.h"
#include "server/image_request.h"
#include "server/job_queue.h"

/// The JSON and the files of responses with pictures.
namespace glm_image::server {

using io::OrderedJson;

/// Encodes a picture in the requested size and format. The file is marked as generated. With
/// `wanted.metadata` it contains the generation parameters, for `glm-image generate --like`.
std::string encode_picture(const Picture& picture,
                           const ImageRequest& wanted,
                           const ModelInfo& model);
/// Encodes a preview in the requested format.
std::string encode_preview(const Preview& preview, const ImageRequest& wanted);

/// The size of the response's pictures as "512x384".
std::string answered_size(const ImageRequest& wanted, const Image& drawn);

/// The origin of URLs in a response: `scheme` and the request's Host header. If Host is missing or
/// not a name with an optional port, the local address of the connection.
std::string answer_origin(const std::string& host_header,
                          const std::string& local_address,
                          int local_port,
                          const char* scheme = "http");

/// [{"code", "message"}, …]
OrderedJson warnings_json(const std::vector<Warning>& warnings);

/// Token counts: prompt and picture tokens as input, visual tokens as output. OpenAI's events have
/// no details of the output.
OrderedJson usage_json(const Result& result, bool with_output_details);

/// The body of a non-streamed response; `pictures` are base64 texts or URLs.
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
/// Not part of OpenAI's API; sent only if the request has "progress": true.
std::string progress_event(const std::string& family, const JobStatus& status);
std::string error_event(const std::string& error_json);

}  // namespace glm_image::server
