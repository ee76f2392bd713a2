#include "pipeline/json_exchange.h"

#include "core/error.h"
#include "core/text_format.h"
#include "glm_image/limits.h"

namespace glm_image::pipeline {
namespace {

constexpr int64_t kMaxToken = int64_t{1} << 24;

nlohmann::json grid_json(const TokenGrid& grid) {
  return {{"height", grid.height}, {"width", grid.width}, {"tokens", grid.tokens}};
}

/// `may_be_unwritten`: the list of tokens may be empty.
TokenGrid grid_from_json(const io::JsonFields& fields, bool may_be_unwritten = false) {
  TokenGrid grid;
  grid.height = fields.required_int64("height", 1, limits::kMaxGridSide);
  grid.width = fields.required_int64("width", 1, limits::kMaxGridSide);
  grid.tokens = fields.required_int64_list("tokens", 0, kMaxToken);
  if (may_be_unwritten && grid.tokens.empty()) return grid;
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
  nlohmann::json json = {{"picture", grid_json(composition.picture)}, {"conditions", conditions}};
  if (composition.is_draft()) json["preview"] = grid_json(composition.preview);
  return json;
}

Composition composition_from_json(const io::JsonFields& fields) {
  Composition composition;
  const auto preview = fields.optional_object("preview");
  if (preview) composition.preview = grid_from_json(*preview);
  composition.picture = grid_from_json(fields.required_object("picture"), preview.has_value());
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

nlohmann::json to_json(const std::vector<AdapterUse>& adapters) {
  auto list = nlohmann::json::array();
  for (const auto& use : adapters) list.push_back({{"name", use.name}, {"scale", use.scale}});
  return list;
}

std::vector<AdapterUse> adapters_from_json(const io::JsonFields& fields, const std::string& name) {
  std::vector<AdapterUse> adapters;
  if (!fields.has(name)) return adapters;
  const auto& list = fields.json().at(name);
  const auto refuse = [&] {
    fields.refuse(
        name,
        concat("a list of at most ", limits::kMaxAdapters, " objects with a name and a scale"));
  };
  if (!list.is_array() || list.size() > limits::kMaxAdapters) refuse();
  for (const auto& item : list) {
    if (!item.is_object()) refuse();
    const io::JsonFields use(item, concat(fields.source(), ": ", name));
    adapters.push_back(
        {use.required_string("name"),
         use.optional_double("scale", 1, -limits::kMaxAdapterScale, limits::kMaxAdapterScale)});
  }
  return adapters;
}

}  // namespace glm_image::pipeline
