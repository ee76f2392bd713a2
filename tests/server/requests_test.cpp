// What clients send, well-formed and not.

#include <cmath>
#include <limits>
#include <tuple>

#include "glm_image/limits.h"
#include "server/api_error.h"
#include "server/api_key.h"
#include "server/api_refusal.h"
#include "server/image_request.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using nlohmann::json;

ImageRequest read(const json& fields, bool as_text = false) {
  return read_image_request(fields, RequestLimits(), as_text);
}

TEST(ImageRequest, ReadsWhatOpenAiClientsSendAndIgnoresWhatItDoesNotKnow) {
  const auto wanted = read({{"model", "gpt-image-1"},
                            {"prompt", "a cat"},
                            {"n", 2},
                            {"size", "1024x1536"},
                            {"quality", "high"},
                            {"output_format", "webp"},
                            {"output_compression", 60},
                            {"user", "somebody"},
                            {"moderation", "low"},
                            {"background", "auto"},
                            {"style", nullptr}});
  EXPECT_EQ(wanted.request.prompt, "a cat");
  EXPECT_EQ(wanted.request.count, 2);
  EXPECT_EQ(wanted.request.width, 1024);
  EXPECT_EQ(wanted.request.height, 1536);
  EXPECT_EQ(wanted.request.steps, 50);
  EXPECT_EQ(wanted.format, image::ImageFormat::kWebp);
  EXPECT_EQ(wanted.compression, 60);
  EXPECT_FALSE(wanted.as_url);
  EXPECT_FALSE(wanted.stream);
}

TEST(ImageRequest, AnySizeIsDrawnAtTheNextMultiplesAndThenResized) {
  const auto odd = read({{"prompt", "x"}, {"size", "500x300"}});
  EXPECT_EQ(odd.request.width, 512);
  EXPECT_EQ(odd.request.height, 320);
  EXPECT_EQ(odd.width, 500);
  EXPECT_EQ(odd.height, 300);
  EXPECT_EQ(read({{"prompt", "x"}, {"size", "512x320"}}).width, 0);
  EXPECT_EQ(read({{"prompt", "x"}, {"size", "auto"}}).request.width, 0);
}

TEST(ImageRequest, StepsOverruleQuality) {
  EXPECT_EQ(read({{"prompt", "x"}, {"quality", "low"}}).request.steps, 15);
  EXPECT_EQ(read({{"prompt", "x"}, {"quality", "low"}, {"steps", 7}}).request.steps, 7);
}

TEST(ImageRequest, LeavesToTheModelWhatIsNotAskedFor) {
  const auto plain = read({{"prompt", "x"}}).request;
  EXPECT_EQ(plain.width, 0);
  EXPECT_FALSE(plain.steps);
  EXPECT_FALSE(plain.guidance);
  EXPECT_FALSE(read({{"prompt", "x"}, {"quality", "auto"}}).request.steps);

  RequestLimits limits;
  limits.default_steps = 12;
  const auto steps = [&](const json& fields) {
    return read_image_request(fields, limits).request.steps;
  };
  EXPECT_EQ(steps({{"prompt", "x"}}), 12);
  EXPECT_EQ(steps({{"prompt", "x"}, {"steps", 7}}), 7);
  limits.max_steps = 9;
  EXPECT_EQ(steps({{"prompt", "x"}}), 9);
  EXPECT_EQ(steps({{"prompt", "x"}, {"quality", "low"}}), 9);
}

TEST(ImageRequest, ASeedIsKeptOrDrawn) {
  EXPECT_EQ(read({{"prompt", "x"}, {"seed", 42}}).request.seed, 42U);
  EXPECT_NE(read({{"prompt", "x"}}).request.seed,
            read({{"prompt", "x"}, {"seed", -1}}).request.seed);
}

TEST(ImageRequest, ASeedHasTheRangeOfTheCommandLine) {
  constexpr auto kLargest = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(read({{"prompt", "x"}, {"seed", kLargest}}).request.seed, kLargest);
  EXPECT_EQ(read({{"prompt", "x"}, {"seed", "18446744073709551615"}}, true).request.seed, kLargest);
  // 2^53 + 1, which no double holds.
  const auto of_body = [](const std::string& seed) {
    return read(parse_body(R"({"prompt": "x", "seed": )" + seed + "}")).request.seed;
  };
  EXPECT_EQ(of_body("9007199254740993"), 9007199254740993U);
  EXPECT_EQ(of_body("9007199254740993.0"), 9007199254740993U);
  EXPECT_EQ(of_body("1844674407370955161.5e1"), kLargest);
  EXPECT_EQ(of_body("1e19"), 10000000000000000000U);
  EXPECT_EQ(of_body("-0"), 0U);
  EXPECT_EQ(of_body("-0.0"), 0U);
  for (const char* wrong :
       {"18446744073709551616", "1.8446744073709551616e19", "1e20", "-2", "0.5", "\"1\"", "true"}) {
    expect_refusal(400, "seed", [&] { of_body(wrong); });
  }
}

TEST(ImageRequest, NumbersThatAreTheSameInJsonAreTheSameHere) {
  for (const char* hundred : {"100", "100.0", "1e2", "1E+2", "10000e-2"}) {
    const auto body = std::string(R"({"prompt": "x", "n": 1.0, "steps": )") + hundred + "}";
    EXPECT_EQ(read(parse_body(body)).request.steps, 100) << hundred;
    EXPECT_EQ(read({{"prompt", "x"}, {"steps", hundred}}, true).request.steps, 100) << hundred;
  }
  // What JSON does not call a number is none in a form either.
  for (const char* wrong : {"+9", "010", "0x9", "9 ", "9.5", "9,0", "nan", "1e", "[9]"}) {
    expect_refusal(400, "steps", [&] { read({{"prompt", "x"}, {"steps", wrong}}, true); });
  }
  EXPECT_FALSE(std::signbit(*read({{"prompt", "x"}, {"top_p", -0.0}}).request.top_p));
}

TEST(ImageRequest, BoundsAreThoseOfTheEngine) {
  const std::vector<std::tuple<const char*, double, double>> ranges = {
      {"guidance", limits::kMinGuidance, limits::kMaxGuidance},
      {"temperature", limits::kMinTemperature, limits::kMaxTemperature},
      {"top_p", limits::kMinTopP, limits::kMaxTopP}};
  for (const auto& [name, least, most] : ranges) {
    for (const double inside : {least, most}) {
      EXPECT_NO_THROW(read({{"prompt", "x"}, {name, inside}})) << name << ' ' << inside;
    }
    for (const double outside : {std::nextafter(least, -1.0), std::nextafter(most, 1e9)}) {
      expect_refusal(400, name, [&, field = name] { read({{"prompt", "x"}, {field, outside}}); });
    }
  }
}

TEST(ImageRequest, FieldsThatWouldChangeThePictureAreRefusedByTheirName) {
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"image", "/v1/images/edits"},
      {"image[]", "/v1/images/edits"},
      {"images", "/v1/images/edits"},
      {"input_reference", "/v1/images/edits"},
      {"init_image", "/v1/images/edits"},
      {"mask", "/v1/images/edits"},
      {"negative_prompt", "prompt"},
      {"negativePrompt", "prompt"},
      {"strength", "prompt"},
      {"width", "size"},
      {"aspect_ratio", "size"},
      {"cfg_scale", "guidance"},
      {"num_images", "n"},
      {"sampler_name", "sampler"},
      {"loras", "model"},
      {"extra_body", "prompt"}};
  for (const auto& [name, instead] : fields) {
    const auto message = expect_refusal(400, name, [&, field = name] {
      read({{"prompt", "x"}, {field, "a value"}});
    });
    EXPECT_EQ(message.rfind(name, 0), 0U) << message;
    EXPECT_NE(message.find(instead), std::string::npos) << message;
    for (const json& empty :
         {json(nullptr), json(""), json::array(), json::object(), json(false)}) {
      EXPECT_NO_THROW(read({{"prompt", "x"}, {name, empty}})) << name << empty;
    }
  }
  EXPECT_NO_THROW(read({{"prompt", "x"}, {"batch_size", 1}}));
  expect_refusal(400, "batch_size", [] { read({{"prompt", "x"}, {"batch_size", 2}}); });
  expect_refusal(400, "style", [] { read({{"prompt", "x"}, {"style", "manga"}}); });
}

TEST(ImageRequest, FieldsThatChangeNothingAreTaken) {
  EXPECT_NO_THROW(read({{"prompt", "x"},
                        {"user", "u"},
                        {"safety_identifier", "s"},
                        {"metadata", {{"a", 1}}},
                        {"moderation", "auto"},
                        {"style", "vivid"},
                        {"input_fidelity", "high"},
                        {"complexity", "low"}}));
}

TEST(ImageRequest, RefusesEveryWrongFieldByItsName) {
  const std::vector<std::pair<std::string, json>> wrong = {
      {"prompt", 7},
      {"prompt", "  "},
      {"n", 0},
      {"n", 11},
      {"n", "2"},
      {"n", 1.5},
      {"size", "big"},
      {"size", "512"},
      {"size", "512x"},
      {"size", "-512x512"},
      {"size", "8x8"},
      {"size", "5000x512"},
      {"size", "4096x4096"},
      {"size", "512x512x3"},
      {"size", 512},
      {"quality", "best"},
      {"steps", 0},
      {"steps", 101},
      {"steps", -1},
      {"steps", json(uint64_t{1} << 63)},
      {"guidance", 0.5},
      {"guidance", "much"},
      {"guidance", 1e300},
      {"temperature", 0},
      {"top_p", 2},
      {"seed", -2},
      {"seed", 1e30},
      {"response_format", "file"},
      {"output_format", "gif"},
      {"output_compression", 101},
      {"stream", "yes"},
      {"partial_images", 9},
      {"background", "transparent"},
      {"texts", 3},
      {"texts", json({1, 2})},
      {"glyph_rules", "none"},
  };
  for (const auto& [name, value] : wrong) {
    json fields = {{"prompt", "x"}};
    fields[name] = value;
    expect_refusal(400, name, [&] { read(fields); });
  }
  expect_refusal(400, "prompt", [] { read(json::object()); });
}

TEST(ImageRequest, FormsSendNumbersAsTexts) {
  const json fields = {
      {"prompt", "x"}, {"n", "2"}, {"steps", "9"}, {"guidance", "2.5"}, {"stream", "true"}};
  const auto wanted = read(fields, /*as_text=*/true);
  EXPECT_EQ(wanted.request.count, 2);
  EXPECT_EQ(wanted.request.steps, 9);
  EXPECT_EQ(wanted.request.guidance, 2.5);
  EXPECT_TRUE(wanted.stream);
  expect_refusal(400, "n", [] { read({{"prompt", "x"}, {"n", "2 "}}, true); });
}

TEST(ImageRequest, EmptyFieldsOfFormsAreAbsent) {
  const json fields = {{"prompt", "x"}, {"n", ""}, {"size", ""}, {"seed", ""}, {"quality", ""}};
  const auto wanted = read(fields, /*as_text=*/true);
  EXPECT_EQ(wanted.request.count, 1);
  EXPECT_EQ(wanted.request.width, 0);
  EXPECT_EQ(wanted.quality, "auto");
  expect_refusal(400, "prompt", [] { read({{"prompt", ""}}, true); });
  expect_refusal(400, "n", [] { read({{"prompt", "x"}, {"n", ""}}); });
}

TEST(ImageRequest, BodiesThatAreNoJsonObjectAreRefused) {
  for (const char* body : {"", "{", "[]", "null", "\"x\"", "{\"a\":\xff}", "{\"prompt\":\"x\"}}"}) {
    expect_refusal(400, "", [&] { parse_body(body); });
  }
  expect_refusal(400, "", [] { parse_body(std::string(100000, '[')); });
  expect_refusal(400, "", [] { parse_body(std::string("{}\0", 3)); });
  // A hundred thousand values take many times their bytes in memory.
  std::string many = "{\"a\": [0";
  for (int i = 0; i < 100000; ++i) many += ",0";
  expect_refusal(400, "", [&] { parse_body(many + "]}"); });
}

TEST(ImageRequest, BodiesThatAreNotUtf8AreRefusedAtTheFirstWrongByte) {
  const std::string valid = "{\"prompt\": \"une école\"}";
  EXPECT_EQ(parse_body(valid).at("prompt"), "une école");
  EXPECT_EQ(parse_body("\xef\xbb\xbf" + valid).at("prompt"), "une école");
  const std::vector<std::pair<std::string, size_t>> wrong = {
      {"{\"prompt\": \"caf\xe9\"}", 15},       // Latin-1
      {"{\"prompt\": \"\xc3", 12},             // cut
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
  EXPECT_EQ(api_error(Error(ErrorCode::kInvalidInput, "steps must be less")).param(), "steps");
  const auto internal = api_error(Error(ErrorCode::kInternal, "secret /path"));
  EXPECT_EQ(internal.status(), 500);
  EXPECT_EQ(internal.json().find("secret"), std::string::npos);
  // The model's own files are no fault of the client's, and none of its business.
  const auto broken = api_error(Error(ErrorCode::kCorruptFile, "/secret/model: truncated"));
  EXPECT_EQ(broken.status(), 500);
  EXPECT_EQ(broken.json().find("secret"), std::string::npos);
}

TEST(ApiKeys, AdmitTheKeyAlone) {
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
