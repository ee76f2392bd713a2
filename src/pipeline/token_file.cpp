#include "pipeline/token_file.h"

#include <zlib.h>

#include <limits>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text_format.h"
#include "io/json_parse.h"
#include "pipeline/json_exchange.h"

namespace glm_image::pipeline {
namespace {

constexpr const char* kFormat = "glm-image composition 1";
constexpr int64_t kMaxBytes = int64_t{8} << 20;
constexpr const char* kPictureFile = "picture_file";

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
  return fs::absolute(path).lexically_normal().parent_path();
}

/// Compares the picture that the tokens name with the file of that name. A missing picture is no
/// mismatch: tokens may be kept alone.
std::optional<std::string> mismatch_of(const io::JsonFields& fields, const fs::path& tokens) {
  const auto picture = fields.optional_object(kPictureFile);
  if (!picture) return std::nullopt;
  const auto name = picture->required_string("name");
  const auto bytes = picture->required_int64("bytes", 0, std::numeric_limits<int64_t>::max());
  const auto crc = picture->required_int64("crc32", 0, std::numeric_limits<uint32_t>::max());
  const auto path = folder_of(tokens) / name;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  if (static_cast<int64_t>(fs::file_size(path, error)) == bytes && !error) {
    try {
      if (picture_file(path, io::read_text_file(path, bytes)).crc32 == crc) return std::nullopt;
    } catch (const Error&) {
      return std::nullopt;  // not readable
    }
  }
  return concat(tokens.string(),
                ": ",
                name,
                " is not the picture that was written with these tokens: it was changed, or the "
                "program was stopped before it wrote both files");
}

}  // namespace

PictureFile picture_file(const fs::path& path, std::string_view bytes) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  return {path, static_cast<int64_t>(bytes.size()), static_cast<uint32_t>(crc)};
}

void save_tokens(const std::filesystem::path& path,
                 const Composition& composition,
                 const Recipe& recipe,
                 const std::optional<PictureFile>& picture) {
  auto json = to_json(composition);
  json["format"] = kFormat;
  json["recipe"] = recipe_json(recipe);
  if (picture) {
    const auto absolute = fs::absolute(picture->path).lexically_normal();
    json[kPictureFile] = {{"name", absolute.lexically_proximate(folder_of(path)).string()},
                          {"bytes", picture->bytes},
                          {"crc32", picture->crc32}};
  }
  write_file_atomically(path, json.dump() + "\n");
}

TokenFile load_tokens(const std::filesystem::path& path) {
  const auto text = io::read_text_file(path, kMaxBytes);
  const io::JsonFields fields(io::parse_user_json(text, path.string()), path.string());
  if (fields.optional_string("format", "") != kFormat) {
    fields.refuse("format", concat('"', kFormat, '"'));
  }
  TokenFile file;
  file.composition = composition_from_json(fields);
  if (const auto recipe = fields.optional_object("recipe")) {
    file.recipe = recipe_from_json(*recipe);
  }
  file.mismatch = mismatch_of(fields, path);
  return file;
}

}  // namespace glm_image::pipeline
