#pragma once

#include <string>
#include <utility>
#include <vector>

#include "glm_image/pipeline.h"

/// What a picture remembers of how it was made, so that it can be made again.
namespace glm_image::pipeline {

/// The keys of a PNG's text chunks: `kRecipeKey` holds JSON that this program reads back,
/// `kParametersKey` the same as a line for people and picture browsers.
inline constexpr const char* kRecipeKey = "glm-image";
inline constexpr const char* kParametersKey = "parameters";

struct Recipe {
  Request request;  ///< without the condition pictures themselves
  int64_t condition_images = 0;
  /// Pixels of the file where it was resized after it was drawn; 0 for as drawn.
  int64_t file_width = 0;
  int64_t file_height = 0;
  std::string model;    ///< name of the checkpoint's folder
  std::string version;  ///< of the program
};

/// How one picture of a request is made again: its own seed and size, and no others beside it.
/// `request` is as Pipeline::check returned it, without its condition pictures, which were
/// `condition_images`.
Recipe recipe_of(Request request,
                 int64_t condition_images,
                 const Picture& picture,
                 const ModelInfo& model);

/// Both text chunks.
std::vector<std::pair<std::string, std::string>> recipe_texts(const Recipe& recipe);

/// From the text under kRecipeKey; `source` names it in messages. Throws kCorruptFile.
Recipe parse_recipe(const std::string& json, const std::string& source);

}  // namespace glm_image::pipeline
