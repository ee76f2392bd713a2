#include "server/request_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/hex_digit.h"
#include "server/api_error.h"

namespace glm_image::server {
namespace {

/// Empty lines before a request, which some old clients send after a body (RFC 9112, 2.2).
constexpr int kMaxEmptyLines = 4;

std::string_view view_of(const beast::flat_buffer& bytes) {
  return {static_cast<const char*>(bytes.data().data()), bytes.size()};
}

std::string string_of(beast::string_view view) {
  return {view.data(), view.size()};
}

ApiError malformed(const std::string& what) {
  return {400, "the request is not well-formed HTTP: " + what, "", "bad_request"};
}

/// The path of a target, with %xx decoded.
std::string decoded_path(std::string_view target) {
  constexpr std::size_t kMaxPathBytes = 1024;
  target = target.substr(0, target.find('?'));
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] != '%') {
      path += target[i];
      continue;
    }
    const int high = i + 2 < target.size() ? hex_digit(target[i + 1]) : -1;
    const int low = i + 2 < target.size() ? hex_digit(target[i + 2]) : -1;
    if (high < 0 || low < 0) throw malformed("% in a path must be followed by two hex digits");
    path += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (path.size() > kMaxPathBytes) throw ApiError(414, "the path is too long");
  return path;
}

/// Consumes "http://a.example" of an absolute target, which overrides Host.
std::optional<std::string> take_authority(std::string_view& target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!beast::iequals({target.data(), std::min(target.size(), scheme.size())},
                        {scheme.data(), scheme.size()})) {
      continue;
    }
    target.remove_prefix(scheme.size());
    const auto end = std::min(target.find_first_of("/?"), target.size());
    const std::string authority(target.substr(0, end));
    target.remove_prefix(end);
    if (target.empty() || target.front() == '?') target = "/";
    return authority;
  }
  return std::nullopt;
}

}  // namespace

ApiError body_too_large(int64_t max_bytes) {
  return {
      413, "the body has more than " + std::to_string(max_bytes) + " bytes", "", "body_too_large"};
}

bool RequestReader::read_head(beast::flat_buffer& bytes) {
  while (scanner_.size() == 0 && empty_lines_ < kMaxEmptyLines &&
         view_of(bytes).substr(0, 2) == "\r\n") {
    bytes.consume(2);
    ++empty_lines_;
  }
  // May be the first half of another empty line.
  if (scanner_.size() == 0 && view_of(bytes) == "\r") return false;
  const auto state = scanner_.scan(view_of(bytes));
  if (state == HeadScanner::State::kMalformed) {
    throw malformed("lines must end in CRLF and hold no NUL");
  }
  const bool is_whole = state == HeadScanner::State::kComplete;
  const auto size = is_whole ? scanner_.size() : bytes.size();
  if (static_cast<int64_t>(size) > max_header_bytes_) {
    throw malformed("its head has more than " + std::to_string(max_header_bytes_) + " bytes");
  }
  if (!is_whole) return false;
  check_head(view_of(bytes).substr(0, size));
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(max_header_bytes_));
  // Beast gets the header section alone: the route chooses a limit, and Body enforces it.
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  beast::error_code error;
  parser_->put(asio::const_buffer(bytes.data().data(), size), error);
  if (error || !parser_->is_header_done()) throw malformed(error.message());
  bytes.consume(size);
  return true;
}

RequestHead RequestReader::head() const {
  const auto& request = parser_->get();
  RequestHead head;
  head.method = string_of(request.method_string());
  constexpr std::size_t kMaxMethodBytes = 32;
  // Longer than any registered method (RFC 9112, 3). The log would contain it whole.
  if (head.method.size() > kMaxMethodBytes) throw ApiError(501, "the method is not implemented");
  head.version = static_cast<int>(request.version());
  head.keeps_alive = parser_->keep_alive();
  for (const auto& field : request) {
    head.fields.emplace_back(string_of(field.name_string()), string_of(field.value()));
  }
  const auto whole_target = string_of(request.target());
  std::string_view target = whole_target;
  const auto named = take_authority(target);
  head.path = decoded_path(target);
  const auto own_host = head.field("Host");
  // An absolute target overrides Host, which must be valid nevertheless (RFC 9112, 3.2).
  if (named && !own_host.empty() && !parse_authority(own_host)) {
    throw ApiError(400, "Host must be a name or an address, and a port", "", "bad_host");
  }
  const auto host = named ? *named : own_host;
  if (named || request.find(http::field::host) != request.end()) {
    const auto authority = parse_authority(host);
    if (!authority)
      throw ApiError(400, "Host must be a name or an address, and a port", "", "bad_host");
    head.authority = *authority;
  }
  head.is_chunked = parser_->chunked();
  const auto length = head.field("Content-Length");
  std::from_chars(length.data(), length.data() + length.size(), head.content_length);
  return head;
}

void RequestReader::begin_body(std::shared_ptr<BodyMemory> memory, int64_t max_bytes) {
  body_ = Body(std::move(memory), max_bytes);
  max_body_bytes_ = max_bytes;
  framed_bytes_ = 0;
  left_ = 0;
  chunks_.reset();
  if (parser_->chunked()) {
    chunks_.emplace(/*max_trailer_bytes=*/max_header_bytes_);
  } else {
    left_ = parser_->content_length().value_or(0);
  }
}

bool RequestReader::body_is_complete() const {
  return chunks_ ? chunks_->is_complete() : left_ == 0;
}

/// The next part of the body, like ChunkDecoder::next.
ChunkDecoder::Step RequestReader::next_of_body(std::string_view bytes) {
  if (chunks_) return chunks_->next(bytes);
  const auto data =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  left_ -= data.size();
  return {data.size(), data};
}

void RequestReader::keep(std::string_view data) {
  switch (body_.append(data.data(), data.size())) {
    case Body::Added::kWhole:
      return;
    case Body::Added::kTooLarge:
      throw body_too_large(max_body_bytes_);
    case Body::Added::kNoMemory:
      refuse_for_memory();
  }
}

bool RequestReader::read_body(beast::flat_buffer& bytes) {
  // Framing of chunks counts too.
  constexpr int64_t kFrameBytes = 64 * 1024;
  while (!body_is_complete()) {
    const auto step = next_of_body(view_of(bytes));
    if (step.consumed == 0) return false;
    const bool announces_too_much =
        chunks_ && chunks_->announced() > static_cast<std::uint64_t>(max_body_bytes_);
    framed_bytes_ += static_cast<int64_t>(step.consumed);
    if (announces_too_much || framed_bytes_ > 2 * max_body_bytes_ + kFrameBytes) {
      throw body_too_large(max_body_bytes_);
    }
    if (!step.data.empty()) keep(step.data);
    bytes.consume(step.consumed);
  }
  return true;
}

void RequestReader::reset() {
  parser_.reset();
  scanner_ = {};
  body_.clear();
  empty_lines_ = 0;
}

}  // namespace glm_image::server
