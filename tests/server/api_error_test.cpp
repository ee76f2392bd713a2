// The API's error names the field of a request that a check of the library refuses.

#include "server/api_error.h"

#include <functional>
#include <string>
#include <utility>

#include "pipeline/request_values.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

/// The param of the error of a request that `change` makes wrong.
std::string refused_param(const std::function<void(Request&)>& change) {
  Request request;
  request.prompt = "a pot";
  pipeline::check_values(request, 0);
  change(request);
  try {
    pipeline::check_values(request, 0);
  } catch (const Error& error) {
    const auto answer = server::api_error(error);
    EXPECT_EQ(answer.status(), 400);
    EXPECT_STREQ(answer.what(), error.what());
    return answer.param();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

TEST(ApiErrors, NameTheFieldThatTheLibraryRefuses) {
  const std::pair<const char*, std::function<void(Request&)>> wrong[] = {
      {"prompt", [](Request& request) { request.prompt = " "; }},
      {"prompt", [](Request& request) { request.prompt = "\xff"; }},
      {"size", [](Request& request) { request.width = 64; }},
      {"size", [](Request& request) { request.width = request.height = 65; }},
      {"steps", [](Request& request) { request.steps = 0; }},
      {"guidance", [](Request& request) { request.guidance = 0; }},
      {"guidance_interval",
       [](Request& request) {
         request.guided = {0.5, 0.2};
       }},
      {"guidance_every", [](Request& request) { request.guidance_every = 0; }},
      {"step_cache", [](Request& request) { request.step_cache = -1; }},
      {"reference_pixels", [](Request& request) { request.reference_pixels = 1; }},
      {"temperature", [](Request& request) { request.temperature = -1; }},
      {"top_p", [](Request& request) { request.top_p = 2; }},
      {"texts", [](Request& request) { request.texts = {"\xff"}; }},
      {"texts", [](Request& request) { request.texts.assign(100000, "x"); }},
      {"partial_images", [](Request& request) { request.previews = -1; }},
      {"n", [](Request& request) { request.count = 0; }},
      {"best_of", [](Request& request) { request.best_of = 0; }},
      {"best_of",
       [](Request& request) {
         request.best_of = 2;
         request.count = 2;
       }},
      {"draft",
       [](Request& request) {
         request.draft = true;
         request.composition.emplace();
       }},
      {"verify", [](Request& request) { request.draft = request.verify = true; }},
      {"composition",
       [](Request& request) {
         request.composition.emplace();
         request.composition->conditions.resize(1);
       }},
  };
  for (const auto& [param, change] : wrong) EXPECT_EQ(refused_param(change), param);
}

TEST(ApiErrors, NameNoFieldThatIsNotOfTheApi) {
  const Error error(ErrorCode::kUnsupported, "config.json: x must be 1", {"config.json", "x"});
  EXPECT_EQ(server::api_error(error).param(), "");
}

}  // namespace
}  // namespace glm_image::test
