#include "pipeline/recipe.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "io/json_file.h"
#include "io/json_number.h"
#include "io/json_text.h"
#include "pipeline/json_exchange.h"
#include "text/unicode.h"

namespace glm_image::pipeline {
namespace {

const char* rules_name(GlyphRules rules) {
  return rules == GlyphRules::kSmart ? "smart" : "reference";
}

std::string recipe_json(const Recipe& recipe) {
  const auto& request = recipe.request;
  nlohmann::ordered_json json = {
      {"prompt", request.prompt},
      {"texts", request.texts},
      {"glyph_rules", rules_name(request.glyph_rules)},
      {"width", request.width},
      {"height", request.height},
      {"steps", *request.steps},
      {"guidance", *request.guidance},
      {"seed", request.seed},
      {"condition_images", recipe.condition_images},
      {"model", recipe.model},
      {"version", recipe.version},
  };
  if (recipe.file_width != 0) {
    json["file_width"] = recipe.file_width;
    json["file_height"] = recipe.file_height;
  }
  if (request.temperature) json["temperature"] = *request.temperature;
  if (request.top_p) json["top_p"] = *request.top_p;
  if (request.composition) json["composition"] = to_json(*request.composition);
  return io::json_text(json);
}

std::string recipe_line(const Recipe& recipe) {
  const auto& request = recipe.request;
  return concat(request.prompt,
                "\nSteps: ",
                *request.steps,
                ", Sampler: Euler, CFG scale: ",
                *request.guidance,
                ", Seed: ",
                request.seed,
                ", Size: ",
                recipe.file_width != 0 ? recipe.file_width : request.width,
                "x",
                recipe.file_height != 0 ? recipe.file_height : request.height,
                ", Model: ",
                recipe.model,
                ", Version: glm-image.cpp ",
                recipe.version);
}

}  // namespace

Recipe recipe_of(Request request,
                 int64_t condition_images,
                 const Picture& picture,
                 const ModelInfo& model) {
  GLM_IMAGE_CHECK(request.steps && request.guidance, "a recipe of an unresolved request");
  Recipe recipe;
  recipe.request = std::move(request);
  recipe.request.seed = picture.seed;
  recipe.request.width = picture.image.width;
  recipe.request.height = picture.image.height;
  recipe.condition_images = condition_images;
  recipe.model = model.name;
  recipe.version = version();
  return recipe;
}

std::vector<std::pair<std::string, std::string>> recipe_texts(const Recipe& recipe) {
  return {{kParametersKey, recipe_line(recipe)}, {kRecipeKey, recipe_json(recipe)}};
}

Recipe parse_recipe(const std::string& json, const std::string& source) {
  const io::JsonFields fields(io::parse_json(json, source), source);
  Recipe recipe;
  auto& request = recipe.request;
  request.prompt = fields.required_string("prompt");
  request.texts = fields.required_string_list("texts");
  request.glyph_rules = fields.required_string("glyph_rules") == "reference"
                            ? GlyphRules::kReference
                            : GlyphRules::kSmart;
  request.width = fields.required_int64("width", 1, limits::kMaxSide);
  request.height = fields.required_int64("height", 1, limits::kMaxSide);
  request.steps = fields.required_int64("steps", 1, limits::kMaxSteps);
  request.guidance = fields.required_double("guidance", limits::kMinGuidance, limits::kMaxGuidance);
  const auto seed = io::whole_number<uint64_t>(fields.json().value("seed", io::Json()));
  if (!seed) fields.refuse("seed", concat("a whole number from 0 to ", limits::kMaxSeed));
  request.seed = *seed;
  if (fields.has("temperature")) {
    request.temperature =
        fields.required_double("temperature", limits::kMinTemperature, limits::kMaxTemperature);
  }
  if (fields.has("top_p")) {
    request.top_p = fields.required_double("top_p", limits::kMinTopP, limits::kMaxTopP);
  }
  if (const auto composition = fields.optional_object("composition")) {
    request.composition = composition_from_json(*composition);
  }
  if (fields.has("file_width")) {
    recipe.file_width = fields.required_int64("file_width", 1, limits::kMaxSide);
    recipe.file_height = fields.required_int64("file_height", 1, limits::kMaxSide);
  }
  recipe.condition_images = fields.required_int64(
      "condition_images", 0, static_cast<int64_t>(limits::kMaxConditionImages));
  recipe.model = fields.required_string("model");
  recipe.version = fields.required_string("version");
  return recipe;
}

}  // namespace glm_image::pipeline
