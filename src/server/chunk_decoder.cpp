#include "server/chunk_decoder.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/text_format.h"
#include "server/api_error.h"
#include "server/request_head.h"

namespace glm_image::server {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
/// Maximum bytes of a line with a chunk's size, its extension and CRLF.
constexpr std::size_t kMaxSizeLineBytes = 1024;
/// Leading zeros count. More digits may exceed 64 bits.
constexpr std::size_t kMaxSizeDigits = 16;

[[noreturn]] void refuse_chunks(const std::string& what) {
  throw ApiError(400, "the chunks of the body are not well-formed: " + what, "", "invalid_framing");
}

/// The first line of `bytes`, without its CRLF; nothing while it is incomplete. With its CRLF, it
/// may have at most `most` bytes.
std::optional<std::string_view> first_line(std::string_view bytes, std::size_t most) {
  for (std::size_t i = 0; i < std::min(bytes.size(), most); ++i) {
    if (!may_stand_at(bytes, i)) refuse_chunks("lines must end in CRLF and hold no NUL");
    if (bytes[i] == '\n') return bytes.substr(0, i - 1);
  }
  if (bytes.size() >= most) refuse_chunks("a size line or the trailers are too long");
  return std::nullopt;
}

/// Whether a text may follow the size of a chunk: nothing, or a semicolon and an extension, with
/// white space before the semicolon.
bool is_chunk_extension(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return text.empty();
  return text[begin] == ';' && std::all_of(text.begin(), text.end(), is_field_text);
}

}  // namespace

ChunkDecoder::Step ChunkDecoder::next(std::string_view bytes) {
  if (bytes.empty()) return {};
  switch (state_) {
    case State::kSize:
      return take_size(bytes);
    case State::kData:
      return take_data(bytes);
    case State::kDataEnd:
      return take_data_end(bytes);
    case State::kTrailers:
      return take_trailer(bytes);
    case State::kComplete:
      break;
  }
  return {};
}

ChunkDecoder::Step ChunkDecoder::take_size(std::string_view bytes) {
  const auto line = first_line(bytes, kMaxSizeLineBytes);
  if (!line) return {};
  std::uint64_t size = 0;
  const auto* const end = line->data() + line->size();
  const auto number = std::from_chars(line->data(), end, size, /*base=*/16);
  const auto digits = static_cast<std::size_t>(number.ptr - line->data());
  if (number.ec != std::errc() || digits > kMaxSizeDigits) {
    refuse_chunks(concat("a size must be 1 to ", kMaxSizeDigits, " hexadecimal digits"));
  }
  if (!is_chunk_extension(line->substr(digits))) refuse_chunks("an invalid chunk extension");
  left_ = size;
  state_ = size == 0 ? State::kTrailers : State::kData;
  return {line->size() + kLineEnd.size(), {}};
}

ChunkDecoder::Step ChunkDecoder::take_data(std::string_view bytes) {
  const auto data =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  left_ -= data.size();
  if (left_ == 0) state_ = State::kDataEnd;
  return {data.size(), data};
}

ChunkDecoder::Step ChunkDecoder::take_data_end(std::string_view bytes) {
  const auto end = bytes.substr(0, kLineEnd.size());
  if (end != kLineEnd.substr(0, end.size())) {
    refuse_chunks("a chunk is longer than its size");
  }
  if (end.size() < kLineEnd.size()) return {};
  state_ = State::kSize;
  return {kLineEnd.size(), {}};
}

ChunkDecoder::Step ChunkDecoder::take_trailer(std::string_view bytes) {
  const auto line =
      first_line(bytes, static_cast<std::size_t>(max_trailer_bytes_ - trailer_bytes_));
  if (!line) return {};
  const auto consumed = line->size() + kLineEnd.size();
  trailer_bytes_ += static_cast<int64_t>(consumed);
  if (line->empty()) {
    state_ = State::kComplete;
  } else {
    check_field(*line);
  }
  return {consumed, {}};
}

}  // namespace glm_image::server
