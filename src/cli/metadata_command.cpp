#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "io/json_file.h"
#include "io/json_text.h"
#include "io/shown.h"
#include "pipeline/picture_metadata.h"

namespace glm_image::cli {
namespace {

void print_text(const std::string& file, const pipeline::PictureMetadata& metadata) {
  std::cout << file << '\n'
            << "source: "
            << (metadata.source.empty() ? "not stated" : io::printable(metadata.source)) << '\n'
            << (metadata.parameters.empty()
                    ? "no parameters"
                    : io::printable(metadata.parameters, /*keep_lines=*/true))
            << '\n';
}

nlohmann::ordered_json to_json(const std::string& file, const pipeline::PictureMetadata& metadata) {
  nlohmann::ordered_json json = {{"file", file}, {"source", nullptr}, {"parameters", nullptr}};
  if (!metadata.source.empty()) json["source"] = metadata.source;
  if (!metadata.parameters.empty()) json["parameters"] = metadata.parameters;
  json["recipe"] = nullptr;
  if (metadata.recipe) {
    json["recipe"] = pipeline::recipe_json(pipeline::parse_recipe(*metadata.recipe, file));
  }
  return json;
}

void show_metadata(const std::vector<std::string>& files, bool as_json) {
  for (const auto& file : files) {
    const auto metadata = pipeline::read_metadata(std::filesystem::path(file));
    if (as_json) {
      std::cout << io::json_text(to_json(file, metadata)) << '\n';
    } else {
      print_text(file, metadata);
    }
  }
}

}  // namespace

void add_metadata_command(CLI::App& app) {
  auto* command =
      app.add_subcommand("metadata", "Print what a picture says about where it comes from");
  const auto files = std::make_shared<std::vector<std::string>>();
  const auto as_json = std::make_shared<bool>(false);
  command->add_option("FILE", *files, "Pictures: PNG, JPEG or WebP")->required()->type_name("");
  command->add_flag("--json", *as_json, "A line of JSON for each; `recipe` is a line for batch");
  command->footer("Example:\n  glm-image metadata picture.jpg");
  command->callback([files, as_json] { show_metadata(*files, *as_json); });
}

}  // namespace glm_image::cli
