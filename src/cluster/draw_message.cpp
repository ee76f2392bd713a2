#include "cluster/draw_message.h"

#include <map>

#include "core/error.h"
#include "io/json_file.h"
#include "pipeline/json_exchange.h"
#include "pipeline/recipe.h"

namespace glm_image::cluster {
namespace {

using nlohmann::json;

json composition_json(const Composition& composition) {
  auto stored = pipeline::to_json(composition);
  // A finished composition's preview grid, which files leave out.
  const auto& preview = composition.preview;
  if (!preview.tokens.empty()) {
    stored["preview"] = {
        {"height", preview.height}, {"width", preview.width}, {"tokens", preview.tokens}};
  }
  return stored;
}

Composition composition_from(const json& stored) {
  return pipeline::composition_from_json(io::JsonFields(stored, "a composition of another rank"));
}

json add_image(const Image& image, std::string& body) {
  body.append(reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size());
  return {{"width", image.width}, {"height", image.height}};
}

/// Takes images from a message's body, in the order in which they were added.
class ImageReader {
 public:
  explicit ImageReader(const std::string& body) : body_(body) {}
  Image next(const json& size) {
    Image image;
    image.width = size.at("width").get<int64_t>();
    image.height = size.at("height").get<int64_t>();
    const auto bytes = static_cast<uint64_t>(image.width * image.height * 3);
    GLM_IMAGE_CHECK(image.width >= 0 && image.height >= 0 && bytes <= body_.size() - used_,
                    "a picture of another rank has too few bytes");
    const auto* begin = reinterpret_cast<const uint8_t*>(body_.data()) + used_;
    image.pixels.assign(begin, begin + bytes);
    used_ += bytes;
    return image;
  }

 private:
  const std::string& body_;
  uint64_t used_ = 0;
};

Message about(const char* type, int64_t part) {
  return Message(type, {{"part", part}});
}

/// Reads a message's fields. An invalid field is an error of the sender.
template <typename Read>
auto checked(const Read& read) -> decltype(read()) {
  try {
    return read();
  } catch (const json::exception& error) {
    fail(ErrorCode::kInternal, "it sent a message with a wrong field: ", error.what());
  }
}

}  // namespace

const char* way_name(Way way) {
  return way == Way::kAlone ? "alone" : way == Way::kGuidance ? "guidance" : "tokens";
}

std::string DrawPart::key() const {
  return concat("part-", id);
}

Message draw_message(const DrawPart& part) {
  auto message = about("draw", part.id);
  auto& head = message.head;
  const auto& request = part.request;
  pipeline::Recipe recipe;
  recipe.request = request;
  recipe.request.condition_images.clear();
  recipe.request.composition.reset();
  recipe.condition_images = static_cast<int64_t>(request.condition_images.size());
  recipe.version = version();
  head["recipe"] = json::parse(pipeline::recipe_json(recipe).dump());
  head["count"] = request.count;
  head["previews"] = request.previews;
  head["draft"] = request.draft;
  head["verify"] = request.verify;
  head["best_of"] = request.best_of;
  head["ranks"] = part.ranks;
  head["way"] = way_name(part.way);
  head["shares_generator"] = part.shares_generator;
  head["wire"] = wire_name(part.wire);
  if (request.composition) head["composition"] = composition_json(*request.composition);
  auto images = json::array();
  for (const auto& image : request.condition_images) {
    images.push_back(add_image(image, message.body));
  }
  head["images"] = images;
  return message;
}

DrawPart part_from(const Message& message) {
  return checked([&] {
    const auto& head = message.head;
    DrawPart part;
    part.id = part_of(message);
    part.request = pipeline::recipe_from_json(
                       io::JsonFields(head.at("recipe"), "a request of the coordinator"))
                       .request;
    part.request.count = head.at("count").get<int64_t>();
    part.request.previews = head.at("previews").get<int64_t>();
    part.request.draft = head.at("draft").get<bool>();
    part.request.verify = head.at("verify").get<bool>();
    part.request.best_of = head.at("best_of").get<int64_t>();
    part.ranks = head.at("ranks").get<std::vector<int>>();
    for (const auto way : {Way::kGuidance, Way::kTokens}) {
      if (head.at("way") == way_name(way)) part.way = way;
    }
    part.shares_generator = head.at("shares_generator").get<bool>();
    if (head.at("wire") == kInt8Wire) part.wire = Wire::kInt8;
    if (head.contains("composition")) {
      part.request.composition = composition_from(head.at("composition"));
    }
    ImageReader images(message.body);
    for (const auto& size : head.at("images")) {
      part.request.condition_images.push_back(images.next(size));
    }
    return part;
  });
}

Message result_message(int64_t part, const Result& result) {
  auto message = about("result", part);
  auto& head = message.head;
  auto pictures = json::array();
  for (const auto& picture : result.pictures) {
    auto one = add_image(picture.image, message.body);
    one["seed"] = picture.seed;
    one["composition"] = composition_json(picture.composition);
    pictures.push_back(one);
  }
  auto stages = json::array();
  for (const auto& stage : result.stages) {
    stages.push_back({{"stage", static_cast<int>(stage.stage)},
                      {"seconds", stage.seconds},
                      {"peak_memory_bytes", stage.peak_memory_bytes}});
  }
  head["pictures"] = pictures;
  head["stages"] = stages;
  head["spelled_texts"] = result.spelled_texts;
  head["prompt_tokens"] = result.prompt_tokens;
  head["condition_tokens"] = result.condition_tokens;
  head["generated_tokens"] = result.generated_tokens;
  return message;
}

Result result_from(const Message& message) {
  return checked([&] {
    const auto& head = message.head;
    Result result;
    ImageReader images(message.body);
    for (const auto& one : head.at("pictures")) {
      result.pictures.push_back({images.next(one),
                                 one.at("seed").get<uint64_t>(),
                                 composition_from(one.at("composition"))});
    }
    for (const auto& stage : head.at("stages")) {
      result.stages.push_back({static_cast<Stage>(stage.at("stage").get<int>()),
                               stage.at("seconds").get<double>(),
                               stage.at("peak_memory_bytes").get<int64_t>()});
    }
    result.spelled_texts = head.at("spelled_texts").get<std::vector<std::string>>();
    result.prompt_tokens = head.at("prompt_tokens").get<int64_t>();
    result.condition_tokens = head.at("condition_tokens").get<int64_t>();
    result.generated_tokens = head.at("generated_tokens").get<int64_t>();
    return result;
  });
}

Message progress_message(int64_t part, const Progress& progress) {
  auto message = about("progress", part);
  message.head["stage"] = static_cast<int>(progress.stage);
  message.head["step"] = progress.step;
  message.head["total"] = progress.total;
  message.head["picture"] = progress.picture;
  return message;
}

Progress progress_from(const Message& message) {
  return checked([&] {
    const auto& head = message.head;
    Progress progress;
    progress.stage = static_cast<Stage>(head.at("stage").get<int>());
    progress.step = head.at("step").get<int64_t>();
    progress.total = head.at("total").get<int64_t>();
    progress.picture = head.at("picture").get<int64_t>();
    return progress;
  });
}

Message preview_message(int64_t part, const Preview& preview) {
  auto message = about("preview", part);
  message.head["image"] = add_image(preview.image, message.body);
  message.head["picture"] = preview.picture;
  message.head["index"] = preview.index;
  message.head["is_draft"] = preview.is_draft;
  return message;
}

Preview preview_from(const Message& message) {
  return checked([&] {
    const auto& head = message.head;
    Preview preview;
    preview.image = ImageReader(message.body).next(head.at("image"));
    preview.picture = head.at("picture").get<int64_t>();
    preview.index = head.at("index").get<int64_t>();
    preview.is_draft = head.at("is_draft").get<bool>();
    return preview;
  });
}

Message failure_message(int64_t part, const Error& error) {
  auto message = about("failure", part);
  message.head["code"] = static_cast<int>(error.code());
  message.head["reason"] = error.what();
  return message;
}

Error failure_from(const Message& message) {
  return checked([&] {
    return Error(static_cast<ErrorCode>(message.head.at("code").get<int>()),
                 message.head.at("reason").get<std::string>());
  });
}

int64_t part_of(const Message& message) {
  return checked([&] { return message.head.at("part").get<int64_t>(); });
}

}  // namespace glm_image::cluster
