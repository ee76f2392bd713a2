// OpenAI's images API of November 2026, field by field: what is taken, what is mapped, and what is
// refused by its name. Sources: the types of openai-python and openai-node, and what others
// describe of the releases after them.

#include <set>

#include "core/base64.h"
#include "image/codec.h"
#include "pipeline/request_values.h"
#include "server/api_refusal.h"
#include "server/edit_request.h"
#include "server/picture_answer.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using nlohmann::json;

/// A field of a request, and whether it is refused.
struct ApiRow {
  const char* name;
  json value;
  bool refused = false;
};

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

const std::vector<ApiRow>& api_rows() {
  static const std::vector<ApiRow> rows = {
      {"prompt", std::string(32000, 'x')},
      {"prompt", repeated("海", 32000)},
      {"prompt", repeated("🎨", 32000)},
      {"model", "gpt-image-2.6-sunburst"},
      {"n", 1},
      {"n", 10},
      {"n", 11, true},
      {"size", "auto"},
      {"size", "1024x1024"},
      {"size", "1536x1024"},
      {"size", "1024x1536"},
      {"size", "2048x1024"},
      {"size", "1008x1008"},
      {"size", "256x256"},
      {"size", "1792x1024"},
      {"size", "8000x8000", true},
      {"quality", "low"},
      {"quality", "medium"},
      {"quality", "high"},
      {"quality", "auto"},
      {"quality", "xhigh"},
      {"quality", "max"},
      {"quality", "standard"},
      {"quality", "hd"},
      {"quality", ""},
      {"quality", "ultra", true},
      {"background", "opaque"},
      {"background", "auto"},
      {"background", "transparent", true},
      {"moderation", "low"},
      {"moderation", "auto"},
      {"moderation", ""},
      {"moderation", "strict", true},
      {"output_format", "png"},
      {"output_format", "jpeg"},
      {"output_format", "webp"},
      {"output_format", "gif", true},
      {"output_format", "svg", true},
      {"output_compression", 0},
      {"output_compression", 100},
      {"output_compression", 101, true},
      {"stream", true},
      {"partial_images", 0},
      {"partial_images", 3},
      {"response_format", "url"},
      {"response_format", "b64_json"},
      {"style", "vivid"},
      {"style", "natural"},
      {"style", "manga", true},
      {"user", "somebody"},
      {"safety_identifier", std::string(128, 'a')},
      {"complexity", "low"},
      {"complexity", "medium"},
      {"complexity", "high"},
      {"complexity", "endless", true},
      {"frame_count", 9, true},
      {"frame_duration_ms", 200, true},
      {"gif", {{"frame_count", 9}}, true},
      {"input_fidelity", "high"},
      {"input_fidelity", "low"},
      {"mask", "data:image/png;base64,AA==", true},
  };
  return rows;
}

std::string small_png() {
  return image::encode_image({2, 2, std::vector<uint8_t>(12, 1)}, image::ImageFormat::kPng);
}

json png_data_url() {
  return "data:image/png;base64," + base64(small_png());
}

template <typename Read>
void expect_rows(const Read& read) {
  for (const auto& row : api_rows()) {
    SCOPED_TRACE(row.name + std::string(" ") + row.value.dump().substr(0, 60));
    json fields = {{"prompt", "x"}};
    fields[row.name] = row.value;
    if (row.refused) {
      expect_refusal(400, row.name, [&] { read(fields); });
    } else {
      EXPECT_NO_THROW(read(fields));
    }
    if (row.name == std::string("prompt")) continue;
    fields[row.name] = nullptr;
    EXPECT_NO_THROW(read(fields));
  }
}

TEST(ImagesApi, RowsOfGenerations) {
  expect_rows([](const json& fields) { read_image_request(fields, RequestLimits()); });
}

TEST(ImagesApi, APromptMayHave32000CharactersOfAnyAlphabet) {
  for (const char* letter : {"x", "é", "海", "🎨"}) {
    const auto prompt_of = [&](int letters) {
      return read_image_request({{"prompt", repeated(letter, letters)}}, RequestLimits()).request;
    };
    EXPECT_NO_THROW(pipeline::check_values(prompt_of(32000), /*pictures=*/0)) << letter;
    expect_error(ErrorCode::kInvalidInput, {"prompt has", "bytes; at most 128000"}, [&] {
      pipeline::check_values(prompt_of(128001), /*pictures=*/0);
    });
  }
}

TEST(ImagesApi, AnEmptyChoiceIsNone) {
  const auto wanted = read_image_request({{"prompt", "x"}, {"quality", ""}}, RequestLimits());
  EXPECT_EQ(wanted.quality, "auto");
  EXPECT_FALSE(wanted.request.speed);
}

TEST(ImagesApi, FieldsWithoutEffectHaveTheirTypes) {
  for (const char* name : {"model", "user", "safety_identifier", "moderation"}) {
    for (const json& wrong : {json(5), json(true), json::array({"x"}), json::object()}) {
      expect_refusal(400, name, [&] {
        read_image_request({{"prompt", "x"}, {name, wrong}}, RequestLimits());
      });
    }
  }
}

// As Codex sends them.
TEST(ImagesApi, RowsOfEditsInJson) {
  expect_rows([](json fields) {
    fields["images"] = json::array({{{"image_url", png_data_url()}}});
    read_edit_json(fields.dump(), RequestLimits(), 1 << 20);
  });
}

// As the two clients send them: texts, but for the pictures; what is null is left out.
TEST(ImagesApi, RowsOfEditsAsForms) {
  expect_rows([](const json& fields) {
    const auto picture = small_png();
    std::vector<std::string> texts;
    std::vector<FormPart> parts;
    texts.reserve(fields.size());
    for (const auto& [name, value] : fields.items()) {
      if (value.is_null()) continue;
      texts.push_back(value.is_string() ? value.get<std::string>() : value.dump());
      FormPart part;
      part.name = name;
      part.content = texts.back();
      parts.push_back(part);
    }
    FormPart file;
    file.name = "image[]";
    file.content = picture;
    file.is_file = file.has_file_name = true;
    parts.push_back(file);
    read_edit_form(parts, RequestLimits());
  });
}

std::set<std::string> names_of(const json& object) {
  std::set<std::string> names;
  for (const auto& field : object.items()) names.insert(field.key());
  return names;
}

/// Passes if the object has all of these fields, and perhaps ours.
void expect_fields(const json& object, const std::set<std::string>& expected) {
  const auto found = names_of(object);
  for (const auto& name : expected) EXPECT_EQ(found.count(name), 1U) << name << " in " << object;
}

Result one_picture() {
  Result result;
  result.pictures.resize(1);
  result.pictures[0].image = {2, 2, std::vector<uint8_t>(12, 1)};
  result.prompt_tokens = 5;
  result.condition_tokens = 7;
  result.generated_tokens = 11;
  return result;
}

TEST(ImagesApi, AnswersHaveEveryField) {
  for (const bool as_url : {false, true}) {
    ImageRequest wanted;
    wanted.as_url = as_url;
    wanted.quality = "xhigh";
    const json answer = answer_json(wanted, one_picture(), {"a picture"});
    expect_fields(answer,
                  {"created", "data", "background", "output_format", "quality", "size", "usage"});
    expect_fields(answer["data"][0], {as_url ? "url" : "b64_json"});
    EXPECT_EQ(answer["background"], "opaque");
    EXPECT_EQ(answer["output_format"], "png");
    EXPECT_EQ(answer["quality"], "xhigh");
    EXPECT_EQ(answer["size"], "2x2");
    EXPECT_EQ(answer["usage"],
              json({{"input_tokens", 12},
                    {"input_tokens_details", {{"image_tokens", 7}, {"text_tokens", 5}}},
                    {"output_tokens", 11},
                    {"output_tokens_details", {{"image_tokens", 11}, {"text_tokens", 0}}},
                    {"total_tokens", 23}}));
  }
}

/// The two lines of an event.
std::pair<std::string, json> event_of(const std::string& event) {
  const std::string head = "event: ", data = "\ndata: ";
  EXPECT_EQ(event.substr(0, head.size()), head);
  const auto at = event.find(data);
  EXPECT_EQ(event.substr(event.size() - 2), "\n\n");
  return {event.substr(head.size(), at - head.size()), json::parse(event.substr(at + data.size()))};
}

TEST(ImagesApi, EventsHaveEveryField) {
  for (const std::string family : {"image_generation", "image_edit"}) {
    ImageRequest wanted;
    wanted.format = image::ImageFormat::kJpeg;
    const Preview preview{{2, 2, std::vector<uint8_t>(12, 1)}, 0, 1, false};
    const auto [partial, early] = event_of(partial_event(family, wanted, preview));
    EXPECT_EQ(partial, family + ".partial_image");
    EXPECT_EQ(early["type"], partial);
    EXPECT_EQ(early["partial_image_index"], 1);
    expect_fields(early,
                  {"b64_json", "created_at", "size", "quality", "background", "output_format"});
    const auto [completed, last] =
        event_of(completed_event(family, wanted, one_picture(), 0, "bytes"));
    EXPECT_EQ(completed, family + ".completed");
    EXPECT_EQ(last["type"], completed);
    EXPECT_EQ(last["output_format"], "jpeg");
    expect_fields(
        last,
        {"b64_json", "created_at", "size", "quality", "background", "output_format", "usage"});
    EXPECT_EQ(names_of(last["usage"]),
              (std::set<std::string>{
                  "input_tokens", "input_tokens_details", "output_tokens", "total_tokens"}));
  }
}

TEST(ImagesApi, ErrorsHaveEveryField) {
  const ApiError error(400, "a reason", "size", "invalid_value");
  EXPECT_EQ(names_of(json::parse(error.json()).at("error")),
            (std::set<std::string>{"message", "type", "param", "code"}));
}

}  // namespace
}  // namespace glm_image::test
