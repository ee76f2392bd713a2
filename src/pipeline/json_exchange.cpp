#include "pipeline/json_exchange.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text_format.h"
#include "glm_image/limits.h"

namespace glm_image::pipeline {
namespace {

constexpr const char* kCompositionFormat = "glm-image composition 1";
constexpr int64_t kMaxToken = int64_t{1} << 24;
constexpr int64_t kMaxCompositionBytes = int64_t{8} << 20;

nlohmann::json grid_json(const TokenGrid& grid) {
  return {{"height", grid.height}, {"width", grid.width}, {"tokens", grid.tokens}};
}

TokenGrid grid_from_json(const io::JsonFields& fields) {
  TokenGrid grid;
  grid.height = fields.required_int64("height", 1, limits::kMaxGridSide);
  grid.width = fields.required_int64("width", 1, limits::kMaxGridSide);
  grid.tokens = fields.required_int64_list("tokens", 0, kMaxToken);
  if (static_cast<int64_t>(grid.tokens.size()) != grid.height * grid.width) {
    fields.refuse("tokens",
                  concat("a list of ", grid.height * grid.width, " tokens (height·width)"));
  }
  return grid;
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

}  // namespace glm_image::pipeline
