#include "pipeline/json_exchange.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text_format.h"

namespace glm_image::pipeline {
namespace {

constexpr const char* kCompositionFormat = "glm-image composition 1";
constexpr int64_t kMaxGridSide = 4096;
constexpr int64_t kMaxToken = int64_t{1} << 24;
constexpr int64_t kMaxCompositionBytes = int64_t{8} << 20;

nlohmann::json grid_json(const TokenGrid& grid) {
  return {{"height", grid.height}, {"width", grid.width}, {"tokens", grid.tokens}};
}

TokenGrid grid_from_json(const io::JsonFields& fields) {
  TokenGrid grid;
  grid.height = fields.required_int64("height", 1, kMaxGridSide);
  grid.width = fields.required_int64("width", 1, kMaxGridSide);
  grid.tokens = fields.required_int64_list("tokens", 0, kMaxToken);
  if (static_cast<int64_t>(grid.tokens.size()) != grid.height * grid.width) {
    fields.refuse("tokens",
                  concat("a list of ", grid.height * grid.width, " tokens (height·width)"));
  }
  return grid;
}

const char* rules_name(GlyphRules rules) {
  return rules == GlyphRules::kSmart ? "smart" : "reference";
}

}  // namespace

nlohmann::json to_json(const Composition& composition) {
  auto conditions = nlohmann::json::array();
  for (const auto& grid : composition.conditions) conditions.push_back(grid_json(grid));
  return {{"picture", grid_json(composition.picture)}, {"conditions", conditions}};
}

Composition composition_from_json(const io::JsonFields& fields) {
  Composition composition;
  composition.picture = grid_from_json(fields.required_object("picture"));
  const auto& json = fields.json();
  const auto conditions = json.find("conditions");
  if (conditions == json.end()) return composition;
  if (!conditions->is_array()) fields.refuse("conditions", "a list of grids");
  for (const auto& item : *conditions) {
    if (!item.is_object()) fields.refuse("conditions", "a list of grids");
    composition.conditions.push_back(
        grid_from_json(io::JsonFields(item, fields.source() + ": conditions")));
  }
  return composition;
}

void save_composition(const std::filesystem::path& path, const Composition& composition) {
  auto json = to_json(composition);
  json["format"] = kCompositionFormat;
  write_file_atomically(path, json.dump() + "\n");
}

Composition load_composition(const std::filesystem::path& path) {
  const io::JsonFields fields(io::read_json_file(path, kMaxCompositionBytes), path.string());
  if (fields.optional_string("format", "") != kCompositionFormat) {
    fields.refuse("format", concat('"', kCompositionFormat, '"'));
  }
  return composition_from_json(fields);
}

std::string recipe_json(const Recipe& recipe) {
  const auto& request = recipe.request;
  nlohmann::ordered_json json = {
      {"prompt", request.prompt},
      {"texts", request.texts},
      {"glyph_rules", rules_name(request.glyph_rules)},
      {"width", request.width},
      {"height", request.height},
      {"steps", request.steps},
      {"guidance", request.guidance},
      {"seed", request.seed},
      {"condition_images", recipe.condition_images},
      {"model", recipe.model},
      {"version", recipe.version},
  };
  if (request.temperature) json["temperature"] = *request.temperature;
  if (request.top_p) json["top_p"] = *request.top_p;
  if (request.composition) json["composition"] = to_json(*request.composition);
  return json.dump();
}

std::string recipe_line(const Recipe& recipe) {
  const auto& request = recipe.request;
  return concat(request.prompt,
                "\nSteps: ",
                request.steps,
                ", Sampler: Euler, CFG scale: ",
                request.guidance,
                ", Seed: ",
                request.seed,
                ", Size: ",
                request.width,
                "x",
                request.height,
                ", Model: ",
                recipe.model,
                ", Version: glm-image.cpp ",
                recipe.version);
}

Recipe parse_recipe(const std::string& json, const std::string& source) {
  constexpr int64_t kMaxInt = int64_t{1} << 53;
  const io::JsonFields fields(io::parse_json(json, source), source);
  Recipe recipe;
  auto& request = recipe.request;
  request.prompt = fields.required_string("prompt");
  request.texts = fields.required_string_list("texts");
  request.glyph_rules = fields.required_string("glyph_rules") == "reference"
                            ? GlyphRules::kReference
                            : GlyphRules::kSmart;
  request.width = fields.required_int64("width", 1, kMaxInt);
  request.height = fields.required_int64("height", 1, kMaxInt);
  request.steps = fields.required_int64("steps", 1, kMaxInt);
  request.guidance = fields.required_double("guidance");
  const auto seed = fields.json().find("seed");
  if (seed == fields.json().end() || !seed->is_number_unsigned()) {
    fields.refuse("seed", "a whole number");
  }
  request.seed = seed->get<uint64_t>();
  if (fields.has("temperature")) request.temperature = fields.required_double("temperature");
  if (fields.has("top_p")) request.top_p = fields.required_double("top_p");
  if (const auto composition = fields.optional_object("composition")) {
    request.composition = composition_from_json(*composition);
  }
  recipe.condition_images = fields.required_int64("condition_images", 0, kMaxInt);
  recipe.model = fields.required_string("model");
  recipe.version = fields.required_string("version");
  return recipe;
}

}  // namespace glm_image::pipeline
