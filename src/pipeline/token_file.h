#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "glm_image/request.h"
#include "pipeline/recipe.h"

/// Files of visual tokens: a composition with its generation parameters.
namespace glm_image::pipeline {

/// The picture that was written together with a file of tokens.
struct PictureFile {
  std::filesystem::path path;
  int64_t bytes = 0;
  uint32_t crc32 = 0;
};

/// Describes the picture file at `path`, whose contents are `bytes`.
PictureFile picture_file(const std::filesystem::path& path, std::string_view bytes);

struct TokenFile {
  Composition composition;
  /// Prompt, seed and settings, if the file has them.
  std::optional<Recipe> recipe;
  /// One sentence, if the picture of the same name is not the one that was written with the tokens.
  std::optional<std::string> mismatch;
};

/// Stores a composition. `picture` is named relative to `path`. Throws as write_file_atomically
/// does.
void save_tokens(const std::filesystem::path& path,
                 const Composition& composition,
                 const Recipe& recipe,
                 const std::optional<PictureFile>& picture = std::nullopt);

/// Throws as JsonFields::load does, and kCorruptFile naming the field.
TokenFile load_tokens(const std::filesystem::path& path);

}  // namespace glm_image::pipeline
