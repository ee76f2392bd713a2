// Edits as forms and as JSON: the places of their pictures, and refused requests.

#include "core/base64.h"
#include "core/text_format.h"
#include "server/api_error.h"
#include "server/api_refusal.h"
#include "server/edit_request.h"
#include "server/multipart.h"
#include "server/multipart_form.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using nlohmann::json;

constexpr int64_t kManyBytes = int64_t{1} << 20;

TEST(EditForm, AcceptsTheFieldNamesOfOtherClients) {
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

TEST(EditForm, EmptyFieldsCountAsAbsent) {
  const auto body = form({{"name=\"prompt\"", "x"},
                          {"name=\"image\"; filename=\"\"", ""},
                          {"name=\"image[]\"; filename=\"a.png\"", "1"},
                          {"name=\"mask\"; filename=\"\"", ""},
                          {"name=\"negative_prompt\"", ""},
                          {"name=\"size\"", ""},
                          {"name=\"seed\"", ""},
                          {"name=\"texts[]\"", ""}});
  const auto edit = read_edit_form(parse_multipart(body, "b"), RequestLimits());
  EXPECT_EQ(edit.pictures, (std::vector<std::string_view>{"1"}));
  EXPECT_EQ(edit.wanted.request.width, 0);
  EXPECT_TRUE(edit.wanted.request.texts.empty());

  const auto none = form({{"name=\"prompt\"", "x"}, {"name=\"image\"; filename=\"\"", ""}});
  expect_refusal(400, "image", [&] { read_edit_form(parse_multipart(none, "b"), {}); });
}

/// The request of a form with these fields, a prompt and a picture.
ImageRequest request_of_form(std::vector<std::pair<std::string, std::string>> fields) {
  fields.insert(fields.end(), {{"name=\"prompt\"", "x"}, {"name=\"image\"; filename=\"a\"", "1"}});
  return read_edit_form(parse_multipart(form(fields), "b"), RequestLimits()).wanted;
}

TEST(EditForm, ReadsListsAsClientsWriteThem) {
  // openai-python: lists as `name[]`, and all names of adapters before all scales.
  const auto python = request_of_form({{"name=\"guidance_interval[]\"", "0.25"},
                                       {"name=\"guidance_interval[]\"", "0.5"},
                                       {"name=\"texts[]\"", "OPEN"},
                                       {"name=\"texts[]\"", "DAY"},
                                       {"name=\"loras[][name]\"", "style"},
                                       {"name=\"loras[][name]\"", "7"},
                                       {"name=\"loras[][scale]\"", "0.5"},
                                       {"name=\"loras[][scale]\"", "-1"}});
  EXPECT_EQ(python.request.guided->begin, 0.25);
  EXPECT_EQ(python.request.guided->end, 0.5);
  EXPECT_EQ(python.request.texts, (std::vector<std::string>{"OPEN", "DAY"}));
  const auto& uses = *python.request.adapters;
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].name, "style");
  EXPECT_EQ(uses[0].scale, 0.5);
  EXPECT_EQ(uses[1].name, "7");
  EXPECT_EQ(uses[1].scale, -1);
  // Others: repeated fields, indices, one field of JSON.
  const auto others = request_of_form({{"name=\"guidance_interval\"", "0"},
                                       {"name=\"guidance_interval\"", "1"},
                                       {"name=\"texts[0]\"", "OPEN"},
                                       {"name=\"loras[0][name]\"", "style"}});
  EXPECT_EQ(others.request.guided->end, 1);
  EXPECT_EQ(others.request.texts, std::vector<std::string>{"OPEN"});
  EXPECT_EQ(others.request.adapters->at(0).scale, 1);
  // Indices count, not the order of the form.
  const auto mixed = request_of_form({{"name=\"texts[10]\"", "DAY"},
                                      {"name=\"texts[9]\"", "OPEN"},
                                      {"name=\"loras[1][scale]\"", "-1"},
                                      {"name=\"loras[0][name]\"", "style"},
                                      {"name=\"loras[1][name]\"", "ink"}});
  EXPECT_EQ(mixed.request.texts, (std::vector<std::string>{"OPEN", "DAY"}));
  ASSERT_EQ(mixed.request.adapters->size(), 2U);
  EXPECT_EQ(mixed.request.adapters->at(0).name, "style");
  EXPECT_EQ(mixed.request.adapters->at(0).scale, 1);
  EXPECT_EQ(mixed.request.adapters->at(1).name, "ink");
  EXPECT_EQ(mixed.request.adapters->at(1).scale, -1);
  const auto spelled = request_of_form({{"name=\"guidance_interval\"", "[0.25, 1]"},
                                        {"name=\"loras\"", R"([{"name": "style", "scale": 2}])"}});
  EXPECT_EQ(spelled.request.guided->begin, 0.25);
  EXPECT_EQ(spelled.request.adapters->at(0).scale, 2);
}

TEST(EditForm, FieldsThatCannotBeToldApartAreRefused) {
  const auto refused = [](const std::string& param,
                          const std::vector<std::pair<std::string, std::string>>& fields) {
    expect_refusal(400, param, [&] { request_of_form(fields); });
  };
  refused("prompt", {{"name=\"prompt\"", "another"}});
  refused("n", {{"name=\"n\"", "1"}, {"name=\"n\"", "2"}});
  refused("size", {{"name=\"size[]\"", "64x64"}});
  refused("guidance_interval", {{"name=\"guidance_interval[]\"", "0.5"}});
  refused("guidance_interval",
          {{"name=\"guidance_interval[]\"", "a"}, {"name=\"guidance_interval[]\"", "1"}});
  // Which of the two has the scale is not known.
  refused("loras",
          {{"name=\"loras[][name]\"", "a"},
           {"name=\"loras[][name]\"", "b"},
           {"name=\"loras[][scale]\"", "1"}});
  refused("loras", {{"name=\"loras[][scale]\"", "1"}});
  refused("loras", {{"name=\"loras[][name]\"", "a"}, {"name=\"loras[][scale]\"", "strong"}});
  refused("loras", {{"name=\"loras[][name]\"", "a"}, {"name=\"loras\"", "[]"}});
  refused("loras", {{"name=\"loras[0][name]\"", "a"}, {"name=\"loras[][name]\"", "b"}});
  refused("loras", {{"name=\"loras[0][name]\"", "a"}, {"name=\"loras[0][name]\"", "b"}});
  refused("texts", {{"name=\"texts[0]\"", "a"}, {"name=\"texts[0]\"", "b"}});
  refused("composition", {{"name=\"composition[picture][width]\"", "2"}});
  refused("mask", {{"name=\"mask[]\"", "x"}});
  // Unknown fields may come twice.
  request_of_form({{"name=\"tag\"", "a"}, {"name=\"tag\"", "b"}, {"name=\"a[\"", "b"}});
}

TEST(EditForm, TextsAreUtf8AndOfABoundedSize) {
  const auto read_prompt = [](const std::string& prompt, const std::string& header = "") {
    const auto body =
        form({{"name=\"image\"; filename=\"a\"", "1"}, {"name=\"prompt\"" + header, prompt}});
    return read_edit_form(parse_multipart(body, "b"), RequestLimits()).wanted.request.prompt;
  };
  EXPECT_EQ(read_prompt("école", "\r\nContent-Type: text/plain; charset=UTF-8"), "école");
  const auto message = expect_refusal(400, "prompt", [&] { read_prompt("caf\xe9"); });
  EXPECT_EQ(message, "prompt is not UTF-8, at byte 3");
  expect_refusal(
      415, "", [&] { read_prompt("cafe", "\r\nContent-Type: text/plain; charset=latin1"); });
  expect_refusal(400, "prompt", [&] { read_prompt(std::string(300000, 'a')); });
}

TEST(EditForm, LimitsTheTotalSizeOfPictures) {
  const auto png = read_file(data_dir() / "tiny" / "t2i_square.png");
  Request request;
  decode_pictures({png}, 1 << 20, request);
  const auto pixels = request.condition_images.at(0).width * request.condition_images.at(0).height;
  Request both;
  decode_pictures({png, png}, 2 * pixels, both);
  EXPECT_EQ(both.condition_images.size(), 2U);
  const auto message = expect_refusal(400, "image", [&] {
    Request r;
    decode_pictures({png, png}, 2 * pixels - 1, r);
  });
  for (const auto& part : {std::string("picture 2: "),
                           concat(2 * pixels - 1, " in total"),
                           concat("before it have ", pixels)}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  expect_refusal(400, "image", [&] {
    Request r;
    decode_pictures({std::string_view(png).substr(0, png.size() / 2)}, pixels, r);
  });
  expect_refusal(400, "image", [] {
    Request r;
    decode_pictures({""}, 1 << 20, r);
  });
}

TEST(EditForm, TheHeadersOfPicturesTellTheirMemory) {
  const auto png = read_file(data_dir() / "tiny" / "t2i_square.png");
  Request request;
  decode_pictures({png}, 1 << 20, request);
  const auto& decoded = request.condition_images.at(0);
  const auto pixels = decoded.width * decoded.height;
  const auto bytes = static_cast<int64_t>(decoded.pixels.size());
  EXPECT_EQ(decoded_bytes({png}, 1 << 20), bytes);
  // The header is enough: memory is counted before anything is decoded.
  EXPECT_EQ(decoded_bytes({png, std::string_view(png).substr(0, 40)}, 1 << 20), 2 * bytes);
  EXPECT_EQ(decoded_bytes({png, png}, 2 * pixels), 2 * bytes);
  EXPECT_EQ(decoded_bytes({png, png}, 2 * pixels - 1), bytes) << "the second one is refused";
  EXPECT_EQ(decoded_bytes({"GIF89a", png}, 1 << 20), 0);
  EXPECT_EQ(decoded_bytes({}, 1 << 20), 0);
}

TEST(EditForm, PicturesOfCancelledRequestsAreNotDecoded) {
  const auto png = read_file(data_dir() / "tiny" / "t2i_square.png");
  Request request;
  expect_error(ErrorCode::kCancelled, {"cancelled"}, [&] {
    decode_pictures({png}, 1 << 20, request, "image", nullptr, [] { return false; });
  });
  EXPECT_TRUE(request.condition_images.empty());
}

TEST(EditForm, FormatsAreCheckedBeforeDecoding) {
  const auto png = read_file(data_dir() / "tiny" / "t2i_square.png");
  EXPECT_NO_THROW(check_picture_formats({png, std::string_view(png).substr(0, 40)}, "images"));
  for (const char* wrong : {"", "GIF89a", "<svg/>", "<!DOCTYPE html><title>Sign in</title>"}) {
    const auto message = expect_refusal(400, "images", [&] {
      check_picture_formats({png, wrong}, "images");
    });
    EXPECT_EQ(message.rfind("picture 2: ", 0), 0U) << message;
  }
}

TEST(EditForm, ErrorsOfTheEngineAboutAPictureNameItsField) {
  const auto rethrow = [](const Error& error) {
    try {
      throw error;
    } catch (const Error& caught) {
      rethrow_with_picture_field(caught, "images");
    }
  };
  const std::string about = "picture 2: has 900×100 pixels; crop it first";
  EXPECT_EQ(
      expect_refusal(
          400,
          "images",
          [&] {
            rethrow(Error(ErrorCode::kInvalidInput, about, {"picture 2", "condition_images"}));
          }),
      about);
  const std::string together = "pictures to start from: at least 5000 tokens of 2";
  EXPECT_EQ(
      expect_refusal(400,
                     "images",
                     [&] {
                       rethrow(Error(ErrorCode::kInvalidInput, together, {"", "condition_images"}));
                     }),
      together);
  expect_error(ErrorCode::kInvalidInput, {"prompt"}, [&] {
    rethrow(Error(ErrorCode::kInvalidInput, "prompt is too long", {"", "prompt"}));
  });
  expect_error(ErrorCode::kInternal, {"picture 2"}, [&] {
    rethrow(Error(
        ErrorCode::kInternal, "picture 2: a defect of ours", {"picture 2", "condition_images"}));
  });
}

std::string data_url(const std::string& content, const std::string& type = "image/png") {
  return "data:" + type + ";base64," + base64(content);
}

EditForm read_json(json fields, int64_t max_bytes = kManyBytes) {
  fields["prompt"] = "x";
  return read_edit_json(fields.dump(), RequestLimits(), max_bytes);
}

std::vector<std::string> pictures_of(const EditForm& form) {
  return {form.pictures.begin(), form.pictures.end()};
}

TEST(EditForm, AcceptsDataUrls) {
  const auto body = form({{"name=\"prompt\"", "x"},
                          {"name=\"url\"", data_url("1")},
                          {"name=\"image\"; filename=\"a\"", "2"},
                          {"name=\"input_reference\"", data_url("3")}});
  const auto edit = read_edit_form(parse_multipart(body, "b"), RequestLimits());
  EXPECT_EQ(pictures_of(edit), (std::vector<std::string>{"1", "2", "3"}));
  const auto remote = form({{"name=\"prompt\"", "x"}, {"name=\"url\"", "https://a.example/a.png"}});
  expect_refusal(400, "url", [&] { read_edit_form(parse_multipart(remote, "b"), {}); });
}

TEST(EditForm, RefusesFilesThatWouldChangeThePicture) {
  const auto body = form({{"name=\"prompt\"", "x"},
                          {"name=\"image\"; filename=\"a\"", "1"},
                          {"name=\"notes\"; filename=\"n\"", "\xff"},
                          {"name=\"control_image\"; filename=\"c\"", "2"}});
  expect_refusal(400, "control_image", [&] { read_edit_form(parse_multipart(body, "b"), {}); });
}

TEST(EditJson, AcceptsTheFieldNamesOfOtherClients) {
  const auto url = data_url("1");
  const std::vector<json> spellings = {{{"images", {{{"image_url", url}}}}},
                                       {{"images", {{{"image_url", {{"url", url}}}}}}},
                                       {{"images", {url}}},
                                       {{"image", url}},
                                       {{"input_reference", url}},
                                       {{"input_reference", {url}}},
                                       {{"url", url}},
                                       {{"imageDataUrl", url}},
                                       {{"images", {url}}, {"image", nullptr}, {"url", ""}}};
  for (const auto& fields : spellings) {
    EXPECT_EQ(pictures_of(read_json(fields)), std::vector<std::string>{"1"}) << fields;
  }
  const auto several = read_json({{"input_reference", {url, data_url("2"), data_url("3")}}});
  EXPECT_EQ(pictures_of(several), (std::vector<std::string>{"1", "2", "3"}));
}

TEST(EditJson, ReadsTheOtherFieldsAsAGenerationDoes) {
  const json picture = json::array({{{"image_url", data_url("1")}}});
  const auto edit =
      read_json({{"images", picture}, {"n", 2.0}, {"size", "auto"}, {"mask", nullptr}});
  EXPECT_EQ(edit.wanted.request.count, 2);
  EXPECT_EQ(edit.wanted.request.width, 0);
  expect_refusal(400, "n", [&] { read_json({{"images", picture}, {"n", "2"}}); });
  expect_refusal(400, "mask", [&] { read_json({{"images", picture}, {"mask", data_url("2")}}); });
  expect_refusal(400, "negative_prompt", [&] {
    read_json({{"images", picture}, {"negative_prompt", "rain"}});
  });
}

TEST(EditJson, AcceptsEverySyntaxOfADataUrl) {
  // 0xfb 0xff is +/8= in base64.
  for (const char* url : {"data:image/png;base64,+/8=",
                          "DATA:Image/PNG;Base64,+/8=",
                          "data:image/png;name=a.png;base64,+/8=",
                          "data:image/png;base64,+/8",
                          "data:image/png;base64,+/\r\n8=",
                          "data:image/png;base64,%2B/8%3D",
                          "data:image/jpg;base64,+/8=",
                          "data:image/webp;base64,+/8=",
                          "data:application/octet-stream;base64,+/8="}) {
    EXPECT_EQ(pictures_of(read_json({{"image", url}})), std::vector<std::string>{"\xfb\xff"})
        << url;
  }
}

TEST(EditJson, RefusesOtherReferencesNamingTheField) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"https://a.example/a.png", "fetches nothing"},
      {"HTTP://a.example/a.png", "fetches nothing"},
      {"file:///etc/passwd", "data URL"},
      {"iVBORw0KGgo=", "data URL"},
      {"data:text/plain;base64,eA==", "text/plain"},
      {"data:image/gif;base64,eA==", "image/gif"},
      {"data:;base64,eA==", "no media type"},
      {"data:image/png,eA==", "base64"},
      {"data:image/png;base64", "comma"},
      {"data:image/png;base64,", "no picture"},
      {"data:image/png;base64,eA=$", "character 3"},
      {"data:image/png;base64,e", "middle of a byte"},
      {"data:image/png;base64,eA=", "middle of a byte"},
      {"data:image/png;base64,eA==eA==", "character 4"}};
  for (const auto& [url, reason] : wrong) {
    const json reference = {{"image_url", url}};
    const auto message = expect_refusal(400, "images", [&] {
      read_json({{"images", json::array({reference})}});
    });
    EXPECT_EQ(message.rfind("images[0].image_url", 0), 0U) << message;
    EXPECT_NE(message.find(reason), std::string::npos) << message;
  }
  for (const json& value : {json(7),
                            json::array({nullptr}),
                            json::array({json::array()}),
                            json::array({{{"file_id", "file-1"}}}),
                            json{{"b64", "eA=="}}}) {
    expect_refusal(400, "images", [&] { read_json({{"images", value}}); });
  }
  for (const json& empty : {json(nullptr), json(""), json::array(), json::object()}) {
    expect_refusal(400, "images", [&] { read_json({{"images", empty}}); });
  }
  expect_refusal(400, "url", [] {
    read_json({{"images", data_url("1")}, {"url", data_url("2")}});
  });
}

TEST(EditJson, PicturesHaveTheLimitsOfAForm) {
  const auto most = json::array({data_url("123"), data_url("45")});
  EXPECT_EQ(read_json({{"images", most}}, 5).pictures.size(), 2U);
  expect_refusal(413, "images", [&] { read_json({{"images", most}}, 4); });
  EXPECT_EQ(read_json({{"images", json(std::vector<json>(16, data_url("1")))}}).pictures.size(),
            16U);
  expect_refusal(400, "images", [] {
    read_json({{"images", json(std::vector<json>(17, data_url("1")))}});
  });
  // A JSON body may contain as many bytes of pictures as a form.
  EXPECT_GE(max_edit_json_bytes(300), static_cast<int64_t>(base64(std::string(300, 'x')).size()));
}
}  // namespace
}  // namespace glm_image::test
