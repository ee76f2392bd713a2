#include "pipeline/recipe.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "core/joined.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "io/json_file.h"
#include "io/json_number.h"
#include "io/json_text.h"
#include "io/shown.h"
#include "pipeline/glyph_rules.h"
#include "pipeline/json_exchange.h"
#include "pipeline/speed.h"
#include "pipeline/text_checks.h"
#include "text/unicode.h"

namespace glm_image::pipeline {
namespace {

/// ", Texts right: 1 of 2"; empty if they were not read back.
std::string verification_text(const std::vector<TextCheck>& checks) {
  if (checks.empty()) return "";
  const auto right = std::count_if(checks.begin(), checks.end(), [](const TextCheck& check) {
    return check.state == TextState::kFound;
  });
  return concat(", Texts right: ", right, " of ", checks.size());
}

/// The checks with boxes in the file's pixels.
std::vector<TextCheck> checks_of_file(const Recipe& recipe) {
  if (recipe.file_width == 0) return recipe.verification;
  return resized(recipe.verification,
                 recipe.request.width,
                 recipe.request.height,
                 recipe.file_width,
                 recipe.file_height);
}

/// The text before the JSON string in a comment.
constexpr const char* kCommentKey = ", glm-image: ";

/// ", Loras: "style: 0.8, ink: 1""; empty without adapters.
std::string adapters_text(const std::vector<AdapterUse>& adapters) {
  if (adapters.empty()) return "";
  std::string text;
  for (const auto& use : adapters) {
    text += concat(text.empty() ? "" : ", ", use.name, ": ", use.scale);
  }
  return concat(", Loras: \"", text, '"');
}

std::string recipe_line(const Recipe& recipe) {
  const auto& request = recipe.request;
  return concat(request.prompt,
                "\nSteps: ",
                *request.steps,
                ", Sampler: ",
                *request.solver == Solver::kEuler ? "Euler" : "Multistep",
                ", CFG scale: ",
                *request.guidance,
                ", Seed: ",
                request.seed,
                ", Size: ",
                recipe.file_width != 0 ? recipe.file_width : request.width,
                "x",
                recipe.file_height != 0 ? recipe.file_height : request.height,
                ", Model: ",
                recipe.model,
                adapters_text(*request.adapters),
                recipe.cluster_wire.empty() ? "" : ", Cluster wire: " + recipe.cluster_wire,
                verification_text(recipe.verification),
                ", Version: glm-image.cpp ",
                recipe.version);
}

std::string chosen(const io::JsonFields& fields,
                   const char* name,
                   const std::vector<std::string>& names) {
  auto found = fields.required_string(name);
  if (std::find(names.begin(), names.end(), found) == names.end()) {
    fields.refuse(name, "one of " + joined(names, ", "));
  }
  return found;
}

/// Reads a request. A recipe must have the fields that all recipes have; each other field has a
/// fixed meaning when it is absent.
Request read_request(const io::JsonFields& fields, bool is_recipe) {
  Request request;
  const auto wants = [&](const char* name) { return is_recipe || fields.has(name); };
  request.prompt = fields.required_string("prompt");
  if (wants("texts")) request.texts = fields.required_string_list("texts");
  if (wants("glyph_rules")) {
    request.glyph_rules = glyph_rules_named(chosen(fields, "glyph_rules", glyph_rules_names()));
  }
  if (wants("width")) request.width = fields.required_int64("width", 1, limits::kMaxSide);
  if (wants("height")) request.height = fields.required_int64("height", 1, limits::kMaxSide);
  if (wants("steps")) request.steps = fields.required_int64("steps", 1, limits::kMaxSteps);
  if (wants("guidance")) {
    request.guidance =
        fields.required_double("guidance", limits::kMinGuidance, limits::kMaxGuidance);
  }
  if (wants("seed")) {
    const auto seed = io::whole_number<uint64_t>(fields.json().value("seed", io::Json()));
    if (!seed) fields.refuse("seed", concat("a whole number from 0 to ", limits::kMaxSeed));
    request.seed = *seed;
  }
  if (is_recipe) {
    request.solver = Solver::kEuler;
    request.guided = GuidanceInterval();
    request.guidance_every = 1;
    request.step_cache = 0;
  }
  if (fields.has("solver")) {
    request.solver = solver_named(chosen(fields, "solver", solver_names()));
  }
  if (fields.has("guidance_interval")) {
    const auto bounds = fields.required_double_list("guidance_interval");
    if (bounds.size() != 2) fields.refuse("guidance_interval", "two numbers");
    request.guided = GuidanceInterval{bounds[0], bounds[1]};
  }
  if (fields.has("guidance_every")) {
    request.guidance_every = fields.required_int64("guidance_every", 1, limits::kMaxSteps);
  }
  if (fields.has("step_cache")) {
    request.step_cache = fields.required_double("step_cache", 0, limits::kMaxStepCache);
  }
  if (fields.has("reference_pixels")) {
    request.reference_pixels = fields.required_int64(
        "reference_pixels", limits::kMinReferencePixels, limits::kMaxReferencePixels);
  }
  if (wants("adapters")) request.adapters = adapters_from_json(fields, "adapters");
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
  return request;
}

}  // namespace

nlohmann::ordered_json recipe_json(const Recipe& recipe) {
  const auto& request = recipe.request;
  nlohmann::ordered_json json = {
      {"prompt", request.prompt},
      {"texts", request.texts},
      {"glyph_rules", glyph_rules_name(request.glyph_rules)},
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
  // Omitted if they have the values of the exact computation.
  if (*request.solver != Solver::kEuler) json["solver"] = solver_name(*request.solver);
  if (request.guided->begin > 0 || request.guided->end < 1) {
    json["guidance_interval"] = {request.guided->begin, request.guided->end};
  }
  if (*request.guidance_every > 1) json["guidance_every"] = *request.guidance_every;
  if (*request.step_cache > 0) json["step_cache"] = *request.step_cache;
  if (request.reference_pixels > 0) json["reference_pixels"] = request.reference_pixels;
  if (!request.adapters->empty()) json["adapters"] = to_json(*request.adapters);
  if (!recipe.cluster_wire.empty()) json["cluster_wire"] = recipe.cluster_wire;
  if (!recipe.verification.empty()) json["verification"] = to_json(checks_of_file(recipe));
  if (request.temperature) json["temperature"] = *request.temperature;
  if (request.top_p) json["top_p"] = *request.top_p;
  if (request.composition) json["composition"] = to_json(*request.composition);
  return json;
}

Recipe recipe_of(Request request,
                 int64_t condition_images,
                 const Picture& picture,
                 const ModelInfo& model) {
  GLM_IMAGE_CHECK(request.steps && request.guidance && request.solver && request.guided &&
                      request.guidance_every && request.step_cache && request.adapters,
                  "a recipe of an unresolved request");
  Recipe recipe;
  recipe.request = std::move(request);
  recipe.request.seed = picture.seed;
  if (!picture.composition.is_draft()) {
    recipe.request.width = picture.image.width;
    recipe.request.height = picture.image.height;
  }
  recipe.condition_images = condition_images;
  recipe.verification = picture.verification;
  recipe.cluster_wire = picture.cluster_wire;
  recipe.model = model.name;
  recipe.version = version();
  return recipe;
}

std::optional<std::string> other_model(const std::string& drawn_by, const ModelInfo& model) {
  if (drawn_by.empty() || drawn_by == model.name) return std::nullopt;
  return concat("the parameters are those of a picture by the model ",
                io::shown_name(drawn_by),
                "; ",
                io::shown_name(model.name),
                " draws another picture from them");
}

std::vector<std::pair<std::string, std::string>> recipe_texts(const Recipe& recipe) {
  return {{kParametersKey, recipe_line(recipe)}, {kRecipeKey, io::json_text(recipe_json(recipe))}};
}

std::string recipe_comment(const Recipe& recipe) {
  const io::Json json = io::json_text(recipe_json(recipe));
  return concat(recipe_line(recipe), kCommentKey, io::json_text(json));
}

CommentParts split_comment(const std::string& comment) {
  // A prompt may contain the key too, but not within the JSON string, where each quotation mark
  // follows a backslash: the last one is the program's.
  const auto at = comment.rfind(concat(kCommentKey, '"'));
  if (at == std::string::npos) return {comment, std::nullopt};
  const auto json = io::Json::parse(
      comment.begin() + static_cast<std::ptrdiff_t>(at + std::string_view(kCommentKey).size()),
      comment.end(),
      /*cb=*/nullptr,
      /*allow_exceptions=*/false);
  if (!json.is_string()) return {comment, std::nullopt};
  return {comment.substr(0, at), json.get<std::string>()};
}

Recipe parse_recipe(const std::string& json, const std::string& source) {
  return recipe_from_json(io::JsonFields(io::parse_json(json, source), source));
}

Request request_from_json(const io::JsonFields& fields) {
  return read_request(fields, /*is_recipe=*/false);
}

Recipe recipe_from_json(const io::JsonFields& fields) {
  Recipe recipe;
  recipe.request = read_request(fields, /*is_recipe=*/true);
  if (fields.has("file_width")) {
    recipe.file_width = fields.required_int64("file_width", 1, limits::kMaxSide);
    recipe.file_height = fields.required_int64("file_height", 1, limits::kMaxSide);
  }
  recipe.condition_images = fields.required_int64(
      "condition_images", 0, static_cast<int64_t>(limits::kMaxConditionImages));
  recipe.model = fields.required_string("model");
  recipe.version = fields.required_string("version");
  recipe.cluster_wire = fields.optional_string("cluster_wire", "");
  return recipe;
}

}  // namespace glm_image::pipeline
