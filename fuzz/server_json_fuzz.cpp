// The body of POST /v1/images/generations.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/api_error.h"
#include "server/image_request.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace glm_image::server;
  const RequestLimits limits;
  for (const bool fields_are_text : {false, true}) {
    try {
      const std::string_view body(reinterpret_cast<const char*>(data), size);
      const auto wanted = read_image_request(parse_body(body), limits, fields_are_text);
      const auto& request = wanted.request;
      require(!request.prompt.empty());
      require(request.width % 32 == 0 && request.height % 32 == 0);
      // At the next multiples of 32 a picture may be a little larger than the limit.
      require(request.width * request.height <= limits.max_pixels + 2 * 32 * 4096);
      require(!request.steps || (*request.steps >= 1 && *request.steps <= limits.max_steps));
      require(request.count >= 1 && request.count <= limits.max_count);
      require(!request.guidance || *request.guidance >= 1);
      require(wanted.compression >= 1 && wanted.compression <= 100);
    } catch (const ApiError& error) {
      require(error.status() == 400);
      require(!error.json().empty());
    }
  }
  return 0;
}
