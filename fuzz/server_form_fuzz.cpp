// The body of POST /v1/images/edits. The first line stands for the Content-Type.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/api_error.h"
#include "server/edit_request.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool lies_within(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace glm_image::server;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line_end = input.find('\n');
  if (line_end == std::string_view::npos) return 0;
  const auto body = input.substr(line_end + 1);
  try {
    const auto boundary = multipart_boundary(std::string(input.substr(0, line_end)));
    const auto parts = parse_multipart(body, boundary);
    for (const auto& part : parts) {
      require(lies_within(part.content, body));
      require(part.content.find("\r\n--" + boundary) == std::string_view::npos);
    }
    const auto form = read_edit_form(parts, RequestLimits());
    require(!form.pictures.empty() && form.pictures.size() <= 16);
  } catch (const ApiError& error) {
    require(error.status() == 400 || error.status() == 415);
  }
  return 0;
}
