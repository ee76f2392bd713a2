#include "server/exchange.h"

#include <algorithm>
#include <charconv>

#include "server/api_error.h"
#include "server/header_value.h"

namespace glm_image::server {

Exchange::Exchange(httplib::Request& request, HttpStream& stream)
    : request_(request),
      stream_(stream),
      content_type_(request.get_header_value("Content-Type")),
      began_(HttpStream::Clock::now()) {
  // cpp-httplib would parse forms, unpack compressed bodies and cut answers to ranges by itself,
  // with no bound on what comes out. Bodies are read by read_body alone.
  request.headers.erase("Content-Type");
  // It would compress answers too, pictures in base64 at brotli's slowest.
  request.headers.erase("Accept-Encoding");
  request.ranges.clear();
  const bool is_http_1_0 = request.version == "HTTP/1.0";
  // cpp-httplib compares these two with case.
  if (!is_http_1_0) expectation_ = header("Expect");
  request.headers.erase("Expect");
  if (!expectation_.empty()) request.set_header("Expect", lower(expectation_));
  const auto connection = header_tokens(header("Connection"));
  const auto has = [&](const char* token) {
    return std::find(connection.begin(), connection.end(), token) != connection.end();
  };
  wants_close_ = has("close") || (is_http_1_0 && !has("keep-alive"));
  // A connection whose body may not have been read to its end carries no further request.
  if (has_body() || wants_close_) {
    request.headers.erase("Connection");
    request.set_header("Connection", "close");
  }
  const auto length = header("Content-Length");
  std::from_chars(length.data(), length.data() + length.size(), content_length_);
}

double Exchange::seconds() const {
  return std::chrono::duration<double>(HttpStream::Clock::now() - began_).count();
}

void Exchange::check_expectation() const {
  server::check_expectation(expectation_);
}

bool Exchange::has_body() const {
  return request_.has_header("Content-Length") || request_.has_header("Transfer-Encoding");
}

void Exchange::attach(httplib::Response& response, const httplib::ContentReader* reader) {
  response_ = &response;
  reader_ = reader;
}

std::string Exchange::read_body(int64_t max_bytes) {
  const auto too_large = [&] {
    return ApiError(413,
                    "the body has more than " + std::to_string(max_bytes) + " bytes",
                    "",
                    "body_too_large");
  };
  if (content_length_ > max_bytes) throw too_large();
  std::string body;
  if (!has_body() || reader_ == nullptr) return body;
  // Chunks have a frame each, and cpp-httplib reads the line of a chunk's length to its end,
  // however long.
  constexpr int64_t kFrames = 64 * 1024;
  stream_.begin_body(2 * max_bytes + kFrames);
  bool fits = true;
  const bool whole = (*reader_)([&](const char* data, size_t count) {
    fits = static_cast<int64_t>(body.size() + count) <= max_bytes;
    if (fits) body.append(data, count);
    return fits;
  });
  if (!fits || stream_.body_is_too_long()) throw too_large();
  if (!whole) throw ApiError(408, "the body did not come whole in time", "", "body_incomplete");
  return body;
}

void Exchange::set_header(const std::string& name, const std::string& value) {
  response_->set_header(name, value);
}

void Exchange::answer(int status, const std::string& body, const std::string& media_type) {
  response_->status = status;
  bytes_sent = static_cast<int64_t>(body.size());
  response_->set_content(body, media_type);
}

void Exchange::stream(const std::string& media_type, std::function<void(const Write&)> produce) {
  response_->status = 200;
  const auto provide = [this, produce = std::move(produce)](size_t, httplib::DataSink& sink) {
    bool open = true;
    produce([&](const std::string& text) {
      open = open && !stream_.peer_is_gone();
      // To cpp-httplib an empty write is the end.
      if (!text.empty()) open = open && sink.write(text.data(), text.size());
      if (open) bytes_sent += static_cast<int64_t>(text.size());
      return open;
    });
    if (open) sink.done();
    return open;
  };
  if (request_.version == "HTTP/1.0") {
    response_->set_content_provider(media_type, provide);
  } else {
    response_->set_chunked_content_provider(media_type, provide);
  }
}

}  // namespace glm_image::server
