#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "glm_image/pipeline.h"
#include "io/json_file.h"

/// The forms in which requests and compositions leave the program and come back.
namespace glm_image::pipeline {

/// {"picture": {"height", "width", "tokens"}, "conditions": […]}
nlohmann::json to_json(const Composition& composition);
/// Throws kCorruptFile naming the field.
Composition composition_from_json(const io::JsonFields& fields);

/// Keeps a composition in a file, and reads it back. Throws as write_file_atomically and
/// JsonFields::load do.
void save_composition(const std::filesystem::path& path, const Composition& composition);
Composition load_composition(const std::filesystem::path& path);

/// What a picture remembers of how it was made, in its PNG text chunks: `kRecipeKey` holds JSON
/// that this program reads back, `kParametersKey` the same as a line for people and picture
/// browsers.
inline constexpr const char* kRecipeKey = "glm-image";
inline constexpr const char* kParametersKey = "parameters";

struct Recipe {
  Request request;  ///< without the condition pictures themselves
  int64_t condition_images = 0;
  std::string model;    ///< name of the checkpoint's folder
  std::string version;  ///< of the program
};
std::string recipe_json(const Recipe& recipe);
std::string recipe_line(const Recipe& recipe);
/// `source` names it in messages. Throws kCorruptFile.
Recipe parse_recipe(const std::string& json, const std::string& source);

}  // namespace glm_image::pipeline
