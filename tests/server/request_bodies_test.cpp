// What is read of a request before its fields: its body and its key; and the body of an error.

#include "server/api_error.h"
#include "server/api_key.h"
#include "server/api_refusal.h"
#include "server/image_request.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using nlohmann::json;

TEST(RequestBody, BodiesThatAreNotJsonObjectsAreRefused) {
  for (const char* body : {"", "{", "[]", "null", "\"x\"", "{\"a\":\xff}", "{\"prompt\":\"x\"}}"}) {
    expect_refusal(400, "", [&] { parse_body(body); });
  }
  expect_refusal(400, "", [] { parse_body(std::string(100000, '[')); });
  expect_refusal(400, "", [] { parse_body(std::string("{}\0", 3)); });
  // What is said of files that a download left is not said of a request.
  for (const auto& body : {std::string(), std::string(16, '\0'), std::string("<html></html>")}) {
    try {
      parse_body(body);
      ADD_FAILURE() << body;
    } catch (const ApiError& error) {
      EXPECT_EQ(std::string(error.what()).find("download"), std::string::npos) << error.what();
    }
  }
  // A hundred thousand small values take many times their size in memory.
  std::string many = "{\"a\": [0";
  for (int i = 0; i < 100000; ++i) many += ",0";
  expect_refusal(400, "", [&] { parse_body(many + "]}"); });
}

TEST(RequestBody, InvalidUtf8IsRefusedNamingTheFirstWrongByte) {
  const std::string valid = "{\"prompt\": \"une école\"}";
  EXPECT_EQ(parse_body(valid).at("prompt"), "une école");
  EXPECT_EQ(parse_body("\xef\xbb\xbf" + valid).at("prompt"), "une école");
  const std::vector<std::pair<std::string, size_t>> wrong = {
      {"{\"prompt\": \"caf\xe9\"}", 15},       // Latin-1
      {"{\"prompt\": \"\xc3", 12},             // truncated
      {"{\"prompt\": \"\xed\xa0\x80\"}", 12},  // a surrogate
      {"{\"prompt\": \"\xc0\xaf\"}", 12},      // an overlong form
      {std::string("\xff\xfe{\0", 4), 0},      // UTF-16
      {"{\"caf\xe9\": 1}", 5}};
  for (const auto& [body, byte] : wrong) {
    const auto message = expect_refusal(400, "", [text = body] { parse_body(text); });
    EXPECT_EQ(message, "the body is not UTF-8, at byte " + std::to_string(byte));
  }
}

TEST(ApiErrors, HaveOpenAisShape) {
  const auto body = json::parse(ApiError(400, "size must be …", "size", "invalid_value").json());
  EXPECT_EQ(body["error"]["type"], "invalid_request_error");
  EXPECT_EQ(body["error"]["param"], "size");
  EXPECT_EQ(body["error"]["code"], "invalid_value");
  EXPECT_TRUE(json::parse(ApiError(500, "x").json())["error"]["param"].is_null());
  const auto internal = api_error(Error(ErrorCode::kInternal, "secret /path"));
  EXPECT_EQ(internal.status(), 500);
  EXPECT_EQ(internal.json().find("secret"), std::string::npos);
  // Messages about the model's files must not reach clients.
  const auto broken = api_error(Error(ErrorCode::kCorruptFile, "/secret/model: truncated"));
  EXPECT_EQ(broken.status(), 500);
  EXPECT_EQ(broken.json().find("secret"), std::string::npos);
}

TEST(ApiKeys, AdmitOnlyTheKey) {
  const TemporaryDirectory folder;
  const auto file = folder.path() / "key";
  write_file(file, "0123456789abcdef\n");
  const auto key = ApiKey::load(file);
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER  "}) {
    EXPECT_TRUE(key.admits(scheme + std::string("0123456789abcdef"))) << scheme;
  }
  for (const char* wrong : {"",
                            "Bearer ",
                            "0123456789abcdef",
                            "Bearer0123456789abcdef",
                            "Bearer 0123456789abcdeg",
                            "Bearer 0123456789abcdef0",
                            "Bearer 0123456789abcde",
                            "Bearer 0123456789abcdef0123456789abcdef",
                            "Basic 0123456789abcdef"}) {
    EXPECT_FALSE(key.admits(wrong)) << wrong;
  }
  EXPECT_TRUE(ApiKey().admits(""));
  write_file(file, "short\n");
  expect_error(ErrorCode::kInvalidInput, {"16"}, [&] { ApiKey::load(file); });
  write_file(file, "0123456789abc%41\n");
  expect_error(ErrorCode::kInvalidInput, {"and %"}, [&] { ApiKey::load(file); });
  expect_error(ErrorCode::kNotFound, {"nowhere"}, [] { ApiKey::load("/nowhere"); });
}

}  // namespace
}  // namespace glm_image::test
