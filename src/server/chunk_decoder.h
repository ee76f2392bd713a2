#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace glm_image::server {

/// Decodes a body of the transfer coding "chunked" (RFC 9112, 7.1) from bytes that arrive in parts.
///
/// Every line must end in CRLF, sizes must be hexadecimal digits alone, and the lines of the
/// trailer section must be fields that check_field accepts. The result and the bounds do not depend
/// on how the bytes are divided into parts.
class ChunkDecoder {
 public:
  explicit ChunkDecoder(int64_t max_trailer_bytes) : max_trailer_bytes_(max_trailer_bytes) {}

  struct Step {
    std::size_t consumed = 0;  ///< bytes at the front of the input; 0 if the input is incomplete
    std::string_view data;     ///< the part of them that belongs to the body
  };

  /// Consumes one line or one run of data. `bytes` starts with those that were not consumed. Throws
  /// ApiError 400.
  Step next(std::string_view bytes);
  bool is_complete() const { return state_ == State::kComplete; }
  /// Bytes of data that the current chunk still announces.
  std::uint64_t announced() const { return left_; }

 private:
  enum class State { kSize, kData, kDataEnd, kTrailers, kComplete };

  Step take_size(std::string_view bytes);
  Step take_data(std::string_view bytes);
  Step take_data_end(std::string_view bytes);
  Step take_trailer(std::string_view bytes);

  const int64_t max_trailer_bytes_;
  State state_ = State::kSize;
  std::uint64_t left_ = 0;
  int64_t trailer_bytes_ = 0;
};

}  // namespace glm_image::server
