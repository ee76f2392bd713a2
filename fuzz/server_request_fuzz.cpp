// Requests as they arrive on a connection: whatever the bytes, reading them at once and in pieces
// gives the same requests and the same refusal.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "server/api_error.h"
#include "server/authority.h"
#include "server/request_reader.h"

namespace {

using namespace glm_image::server;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  std::vector<std::string> requests;
  int refusal = 0;

  bool operator==(const Outcome& other) const {
    return requests == other.requests && refusal == other.refusal;
  }
};

void check_authority(std::string_view text) {
  const auto authority = parse_authority(text);
  if (!authority) return;
  require(!authority->host.empty());
  // What is shown names the same host again.
  const auto again = parse_authority(authority->text());
  require(again && again->host == authority->host && again->port == authority->port);
}

Outcome read(std::string_view input, std::size_t piece) {
  constexpr int64_t kMaxHeadBytes = 1024, kMaxBodyBytes = 256;
  const auto memory = std::make_shared<BodyMemory>(1 << 20);
  Outcome outcome;
  RequestReader reader(kMaxHeadBytes);
  beast::flat_buffer bytes;
  bool in_body = false;
  std::string request;
  try {
    while (!input.empty()) {
      const auto count = std::min(piece, input.size());
      const auto target = bytes.prepare(count);
      std::copy_n(input.data(), count, static_cast<char*>(target.data()));
      bytes.commit(count);
      input.remove_prefix(count);
      while (in_body || reader.read_head(bytes)) {
        if (!in_body) {
          const auto head = reader.head();
          request = head.method + " " + head.path + " " + head.authority.text();
          require(head.content_length >= 0 && !(head.is_chunked && head.content_length > 0));
          if (head.has_body()) {
            reader.begin_body(memory, kMaxBodyBytes);
            in_body = true;
          }
        }
        if (in_body) {
          if (!reader.read_body(bytes)) break;
          const auto body = reader.take_body();
          require(body.bytes().size() <= kMaxBodyBytes);
          request += " " + body.bytes();
          in_body = false;
        }
        outcome.requests.push_back(request);
        reader.reset();
      }
    }
  } catch (const ApiError& error) {
    outcome.refusal = error.status();
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_authority(input);
  const auto whole = read(input, std::max<std::size_t>(size, 1));
  require(whole == read(input, 1));
  require(whole == read(input, 7));
  const auto is_expected = [&](int status) { return status == whole.refusal; };
  constexpr int kRefusals[] = {0, 400, 413, 414, 501, 505};
  require(std::any_of(std::begin(kRefusals), std::end(kRefusals), is_expected));
  return 0;
}
