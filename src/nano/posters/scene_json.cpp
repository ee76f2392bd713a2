#include "nano/posters/scene_json.h"

#include "nano/posters/data_fields.h"

namespace glm_image::posters {
namespace {

io::Json colour_to_json(const Colour& colour) {
  return {{"id", colour.id}, {"rgb", colour.rgb}};
}

Colour colour_from_json(const io::JsonFields& fields) {
  Colour colour;
  colour.id = required_id(fields, "id");
  const auto rgb = fields.required_int64_list("rgb", 0, 255);
  if (rgb.size() != 3) fields.refuse("rgb", "a list of 3 integers");
  for (std::size_t i = 0; i < 3; ++i) colour.rgb[i] = static_cast<uint8_t>(rgb[i]);
  return colour;
}

Place required_place(const io::JsonFields& fields) {
  const auto place = place_of(fields.required_string("place"));
  if (!place) fields.refuse("place", "a place, from top_left to bottom_right");
  return *place;
}

}  // namespace

io::Json scene_to_json(const Scene& scene) {
  io::Json json{{"background", {{"first", colour_to_json(scene.background.first)}}},
                {"pictograms", io::Json::array()},
                {"texts", io::Json::array()}};
  if (scene.background.second) {
    json["background"]["second"] = colour_to_json(*scene.background.second);
  }
  for (const auto& item : scene.pictograms) {
    json["pictograms"].push_back(
        {{"id", item.id}, {"place", place_name(item.place)}, {"size", item.size}});
  }
  for (const auto& item : scene.texts) {
    json["texts"].push_back({{"lines", item.lines},
                             {"colour", colour_to_json(item.colour)},
                             {"place", place_name(item.place)},
                             {"style", item.style},
                             {"font", item.font},
                             {"size", item.size}});
    if (!item.language.empty()) json["texts"].back()["language"] = item.language;
  }
  return json;
}

Scene scene_from_json(const io::JsonFields& fields) {
  Scene scene;
  const auto background = fields.required_object("background");
  scene.background.first = colour_from_json(background.required_object("first"));
  if (const auto second = background.optional_object("second")) {
    scene.background.second = colour_from_json(*second);
  }
  for (const auto& item : required_objects(fields, "pictograms", 0, kPlaceCount)) {
    scene.pictograms.push_back(
        {required_id(item, "id"), required_place(item), item.required_double("size", 0, 1)});
  }
  for (const auto& item : required_objects(fields, "texts", 0, kPlaceCount)) {
    TextItem text;
    text.lines = required_texts(item, "lines");
    for (const auto& line : text.lines) text.text += (text.text.empty() ? "" : " ") + line;
    text.colour = colour_from_json(item.required_object("colour"));
    text.place = required_place(item);
    text.style = required_id(item, "style");
    text.font = item.required_string("font");
    text.size = item.required_double("size", 0, 1);
    if (item.has("language")) text.language = required_id(item, "language");
    scene.texts.push_back(std::move(text));
  }
  return scene;
}

}  // namespace glm_image::posters
