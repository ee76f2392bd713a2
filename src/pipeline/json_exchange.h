#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "glm_image/pipeline.h"
#include "io/json_file.h"

/// The forms in which compositions leave the program and come back.
namespace glm_image::pipeline {

/// {"picture": {"height", "width", "tokens"}, "conditions": […]}
nlohmann::json to_json(const Composition& composition);
/// Throws kCorruptFile naming the field.
Composition composition_from_json(const io::JsonFields& fields);

/// Keeps a composition in a file, and reads it back. Throws as write_file_atomically and
/// JsonFields::load do.
void save_composition(const std::filesystem::path& path, const Composition& composition);
Composition load_composition(const std::filesystem::path& path);

}  // namespace glm_image::pipeline
