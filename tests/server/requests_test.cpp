// What clients send, well-formed and not.

#include "server/api_error.h"
#include "server/api_key.h"
#include "server/base64.h"
#include "server/edit_request.h"
#include "server/image_request.h"
#include "server/multipart.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using nlohmann::json;

/// Passes when `action` throws an ApiError of this status about this field.
template <typename Action>
void expect_refusal(int status, const std::string& param, const Action& action) {
  try {
    action();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    EXPECT_EQ(error.param(), param) << error.what();
    return;
  }
  ADD_FAILURE() << "not refused: " << param;
}

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
  expect_refusal(400, "n", [] { read({{"prompt", "x"}, {"n", ""}}, true); });
}

TEST(ImageRequest, BodiesThatAreNoJsonObjectAreRefused) {
  for (const char* body : {"", "{", "[]", "null", "\"x\"", "{\"a\":\xff}", "{\"prompt\":\"x\"}}"}) {
    expect_refusal(400, "", [&] { parse_body(body); });
  }
  expect_refusal(400, "", [] { parse_body(std::string(100000, '[')); });
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

std::string form(const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string body;
  for (const auto& [head, content] : parts) {
    body += "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n";
  }
  return body + "--b--\r\n";
}

TEST(Multipart, TakesPartsApart) {
  const auto body =
      form({{"name=\"prompt\"", "a\r\nb"},
            {"name=\"image[]\"; filename=\"../../etc/passwd\"", std::string("\0--b\r\n", 6)},
            {"name=plain", ""},
            {"name=\"q\\\"uote\"", "x--b"}});
  const auto parts = parse_multipart(body, "b");
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_EQ(parts[0].name, "prompt");
  EXPECT_EQ(parts[0].content, "a\r\nb");
  EXPECT_FALSE(parts[0].is_file);
  EXPECT_EQ(parts[1].content, std::string("\0--b\r\n", 6));
  EXPECT_TRUE(parts[1].is_file);
  EXPECT_EQ(parts[2].content, "");
  EXPECT_EQ(parts[3].name, "q\"uote");
  EXPECT_EQ(parts[3].content, "x--b");
}

TEST(Multipart, EveryTruncationIsRefusedAndNothingElse) {
  const auto body = form({{"name=\"prompt\"", "hello"}, {"name=\"n\"", "1"}});
  // The line break after the last boundary may be missing.
  for (size_t length = 0; length + 2 < body.size(); ++length) {
    expect_refusal(400, "", [&] { parse_multipart(body.substr(0, length), "b"); });
  }
  EXPECT_EQ(parse_multipart(body.substr(0, body.size() - 2), "b").size(), 2U);
}

TEST(Multipart, RefusesHostileBodies) {
  expect_refusal(400, "", [] { parse_multipart("no boundary here", "b"); });
  expect_refusal(400, "", [] { parse_multipart("--b\r\n\r\nno name\r\n--b--", "b"); });
  expect_refusal(400, "", [] { parse_multipart("--b\r\nX-Nothing\r\n\r\nx\r\n--b--", "b"); });
  expect_refusal(400, "", [] {
    parse_multipart(form({{"name=\"" + std::string(5000, 'x') + "\"", ""}}), "b");
  });
  const std::vector<std::pair<std::string, std::string>> many(65, {"name=x", ""});
  const auto body = form(many);
  expect_refusal(400, "", [&] { parse_multipart(body, "b"); });
}

TEST(Multipart, FindsTheBoundary) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a b\""), "a b");
  expect_refusal(415, "", [] { multipart_boundary("application/json"); });
  expect_refusal(400, "", [] { multipart_boundary("multipart/form-data"); });
  expect_refusal(400, "", [] { multipart_boundary("multipart/form-data; boundary="); });
  expect_refusal(
      400, "", [] { multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'x')); });
}

TEST(EditForm, TakesPicturesUnderEveryNameThatClientsUse) {
  const auto body = form({{"name=\"prompt\"", "x"},
                          {"name=\"image\"; filename=\"a\"", "1"},
                          {"name=\"image[]\"; filename=\"b\"", "2"},
                          {"name=\"image[1]\"; filename=\"c\"", "3"},
                          {"name=\"n\"", "2"}});
  const auto edit = read_edit_form(parse_multipart(body, "b"), RequestLimits());
  EXPECT_EQ(edit.pictures, (std::vector<std::string_view>{"1", "2", "3"}));
  EXPECT_EQ(edit.wanted.request.count, 2);

  const auto without = form({{"name=\"prompt\"", "x"}});
  expect_refusal(400, "image", [&] { read_edit_form(parse_multipart(without, "b"), {}); });
  const auto mask =
      form({{"name=\"image\"", "1"}, {"name=\"mask\"", "1"}, {"name=\"prompt\"", "x"}});
  expect_refusal(400, "mask", [&] { read_edit_form(parse_multipart(mask, "b"), {}); });
}

TEST(EditForm, PicturesTogetherHaveABound) {
  const auto png = read_file(data_dir() / "tiny" / "t2i_square.png");
  Request request;
  decode_pictures({png}, 1 << 20, request);
  const auto pixels = request.condition_images.at(0).width * request.condition_images.at(0).height;
  Request both;
  decode_pictures({png, png}, 2 * pixels, both);
  EXPECT_EQ(both.condition_images.size(), 2U);
  expect_refusal(400, "image", [&] {
    Request r;
    decode_pictures({png, png}, 2 * pixels - 1, r);
  });
  expect_refusal(400, "image", [&] {
    Request r;
    decode_pictures({std::string_view(png).substr(0, png.size() / 2)}, pixels, r);
  });
  expect_refusal(400, "image", [] {
    Request r;
    decode_pictures({""}, 1 << 20, r);
  });
}

TEST(Base64, OfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(ApiKeys, AdmitTheKeyAlone) {
  const TemporaryDirectory folder;
  const auto file = folder.path() / "key";
  write_file(file, "0123456789abcdef\n");
  const auto key = ApiKey::load(file);
  EXPECT_TRUE(key.admits("Bearer 0123456789abcdef"));
  for (const char* wrong : {"",
                            "Bearer ",
                            "0123456789abcdef",
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
