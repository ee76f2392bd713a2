#pragma once

#include <optional>

#include "server/api_error.h"
#include "server/boost.h"
#include "server/chunk_decoder.h"
#include "server/exchange.h"
#include "server/request_head.h"

namespace glm_image::server {

/// The error for a body larger than its route accepts.
ApiError body_too_large(int64_t max_bytes);

/// Reads successive requests from the bytes of a connection. check_head validates headers before
/// Beast parses them.
class RequestReader {
 public:
  explicit RequestReader(int64_t max_header_bytes) : max_header_bytes_(max_header_bytes) {}

  /// Consumes a complete header section from `bytes` and returns true, or returns false if it is
  /// incomplete. Throws ApiError if it is malformed or too long.
  bool read_head(beast::flat_buffer& bytes);
  RequestHead head() const;

  void begin_body(std::shared_ptr<BodyMemory> memory, int64_t max_bytes);
  /// Consumes the available part of the body from `bytes`. Returns whether the body is complete.
  /// Discards trailers. Throws ApiError 400, 413 or 503.
  bool read_body(beast::flat_buffer& bytes);
  Body take_body() { return std::move(body_); }

  /// Prepares for the next request, and releases what is left of the last one's body.
  void reset();

 private:
  bool body_is_complete() const;
  ChunkDecoder::Step next_of_body(std::string_view bytes);
  void keep(std::string_view data);

  const int64_t max_header_bytes_;
  HeadScanner scanner_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  Body body_;
  int64_t max_body_bytes_ = 0;
  int64_t framed_bytes_ = 0;            // of the body with its chunk lines
  std::uint64_t left_ = 0;              // of a body with Content-Length
  std::optional<ChunkDecoder> chunks_;  // of one without
  int empty_lines_ = 0;
};

}  // namespace glm_image::server
