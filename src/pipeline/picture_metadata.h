#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "image/codec.h"
#include "pipeline/recipe.h"

/// What a picture file says about where its picture comes from: the mark of a generated picture,
/// which is always there, and the parameters with which it can be generated again.
namespace glm_image::pipeline {

/// Adds the machine-readable mark: IPTC's DigitalSourceType in XMP. `is_edit` says whether the
/// picture was made from other pictures.
void add_source_mark(bool is_edit, image::EncodeOptions& options);

/// Adds the parameters: text chunks for PNG, and the same in an Exif comment for JPEG and WebP.
void add_parameters(const Recipe& recipe, image::EncodeOptions& options);

/// The metadata of a picture file. What the file does not contain is empty.
struct PictureMetadata {
  std::string source;                 ///< term of IPTC's DigitalSourceType
  std::string parameters;             ///< for people, also of other programs that store them so
  std::optional<std::string> recipe;  ///< JSON of this program
};

/// Reads a PNG, JPEG or WebP file; `name` is its name in messages. Throws as image::decode_image
/// does, and kInvalidInput for a PNG with too much text.
PictureMetadata read_metadata(std::string_view bytes, const std::string& name);
/// As above, for a file. Also throws as image::read_image does.
PictureMetadata read_metadata(const std::filesystem::path& path);

/// Reads the parameters of a PNG, JPEG or WebP file; `name` is its name in messages. Throws
/// kInvalidInput if it has none of this program's, kCorruptFile if they are damaged, and as
/// image::decode_image does for the file.
Recipe read_parameters(std::string_view bytes, const std::string& name);
/// As above, for a file. Also throws as image::read_image does.
Recipe read_parameters(const std::filesystem::path& path);

}  // namespace glm_image::pipeline
