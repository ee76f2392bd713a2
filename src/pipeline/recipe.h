#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "glm_image/pipeline.h"
#include "io/json_file.h"

/// The generation parameters that a picture file stores, with which it can be generated again.
namespace glm_image::pipeline {

/// The keys of a PNG's text chunks: `kRecipeKey` holds JSON that this program reads back,
/// `kParametersKey` the same as text for people and picture browsers.
inline constexpr const char* kRecipeKey = "glm-image";
inline constexpr const char* kParametersKey = "parameters";

struct Recipe {
  Request request;  ///< without the condition pictures themselves
  int64_t condition_images = 0;
  /// Size in pixels if the file was resized after generation, else 0.
  int64_t file_width = 0;
  int64_t file_height = 0;
  std::vector<TextCheck> verification;  ///< boxes in the drawn picture
  std::string model;                    ///< name of the checkpoint's folder
  std::string version;                  ///< version of the program
  std::string cluster_wire;             ///< see Picture
};

/// Returns the parameters of one picture of a request: a request for this picture alone, with its
/// seed and composition. `request` is as Pipeline::check returned it, without its condition
/// pictures, whose number is `condition_images`.
Recipe recipe_of(Request request,
                 int64_t condition_images,
                 const Picture& picture,
                 const ModelInfo& model);

/// Returns a warning if a model of another name than `model` drew the picture: this one draws
/// another picture from the same parameters. Otherwise "".
std::optional<std::string> other_model(const std::string& drawn_by, const ModelInfo& model);

/// The JSON stored under kRecipeKey.
nlohmann::ordered_json recipe_json(const Recipe& recipe);
/// The inverse. Throws kCorruptFile.
Recipe recipe_from_json(const io::JsonFields& fields);

/// Reads a request from fields that are named as in a recipe. All but the prompt may be missing,
/// and stay unset; so do the condition pictures. Throws kCorruptFile naming the field.
Request request_from_json(const io::JsonFields& fields);

/// Returns both text chunks as (key, text).
std::vector<std::pair<std::string, std::string>> recipe_texts(const Recipe& recipe);

/// Returns both texts as one, for formats with room for a single comment: the text for people,
/// whose last line of "key: value" pairs ends in `glm-image: "…"`, the JSON as a JSON string. Other
/// programs quote values with commas in the same way.
std::string recipe_comment(const Recipe& recipe);
/// What such a comment holds: the text for people, and the JSON if it has one.
struct CommentParts {
  std::string parameters;
  std::optional<std::string> recipe;
};
CommentParts split_comment(const std::string& comment);

/// Parses the text under kRecipeKey; `source` names it in messages. Throws kCorruptFile.
Recipe parse_recipe(const std::string& json, const std::string& source);

}  // namespace glm_image::pipeline
