#include "cli/batch_file.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>
#include <tuple>

#include "core/error.h"
#include "core/text_format.h"
#include "core/width_height.h"
#include "glm_image/limits.h"
#include "image/codec.h"
#include "image/file_bytes.h"
#include "io/json_file.h"
#include "io/json_parse.h"
#include "io/json_text.h"
#include "io/shown.h"
#include "io/text_input.h"
#include "pipeline/json_exchange.h"
#include "pipeline/recipe.h"
#include "pipeline/speed.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameBytes = 100;

/// FNV-1a, 64 bits.
void mix(uint64_t& hash, std::string_view bytes) {
  for (const char byte : bytes) {
    hash ^= static_cast<uint8_t>(byte);
    hash *= 0x100000001B3;
  }
}

/// Of the fields of a line and of the bytes of its references.
uint64_t hash_of(const io::Json& json, const std::vector<fs::path>& references) {
  uint64_t hash = 0xCBF29CE484222325;
  mix(hash, io::json_text(json));
  for (const auto& path : references) {
    mix(hash, "\n");
    mix(hash, image::read_file_bytes(path, image::ImageLimits().max_file_bytes));
  }
  return hash;
}

bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
         name.find_first_of("/\\") == std::string::npos && io::printable(name) == name;
}

std::string line_name(int64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%04ld", static_cast<long>(number));
  return name;
}

void read_size(const io::JsonFields& fields, Request& request) {
  if (!fields.has("size")) return;
  const auto size = parse_width_height(fields.required_string("size"));
  if (!size || fields.has("width") || fields.has("height")) {
    fields.refuse("size", "WIDTHxHEIGHT, like 1024x768, without width and height");
  }
  std::tie(request.width, request.height) = *size;
}

void read_speed(const io::JsonFields& fields, Request& request) {
  if (!fields.has("speed")) return;
  const auto name = fields.required_string("speed");
  const auto names = pipeline::speed_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    fields.refuse("speed", "exact, balanced or fast");
  }
  request.speed = pipeline::speed_named(name);
}

/// Reads the API's name of `adapters`, the field of a picture's parameters.
void read_loras(const io::JsonFields& fields, Request& request) {
  if (!fields.has("loras")) return;
  if (fields.has("adapters")) {
    fields.refuse("loras", "absent beside adapters, another name of this field");
  }
  request.adapters = pipeline::adapters_from_json(fields, "loras");
}

BatchLine read_line(std::string_view text,
                    int64_t number,
                    const std::string& source,
                    const fs::path& folder) {
  const io::JsonFields fields(io::parse_json_line(text, source), source);
  BatchLine line;
  line.number = number;
  line.place = source;
  line.request = pipeline::request_from_json(fields);
  line.has_seed = fields.has("seed");
  read_size(fields, line.request);
  read_speed(fields, line.request);
  read_loras(fields, line.request);
  line.request.count = fields.optional_int64("count", 1, 1, limits::kMaxCount);
  line.request.verify = fields.optional_bool("verify", false);
  line.request.best_of = fields.optional_int64("best_of", 1, 1, limits::kMaxBestOf);
  if (fields.has("file_width") || fields.has("file_height")) {
    line.file_width = fields.required_int64("file_width", 1, limits::kMaxSide);
    line.file_height = fields.required_int64("file_height", 1, limits::kMaxSide);
  }
  line.name = line_name(number);
  if (fields.has("name")) {
    line.name = fields.required_string("name");
    if (!is_file_name(line.name)) {
      fields.refuse(
          "name",
          "the beginning of a file's name, at most 100 bytes without / and control characters");
    }
  }
  if (fields.has("references")) {
    for (const auto& path : fields.required_string_list("references")) {
      line.references.push_back(folder / path);
    }
  }
  const auto pictures = static_cast<int64_t>(line.references.size());
  if (fields.optional_int64("condition_images", pictures, 0, limits::kMaxCount) != pictures) {
    fields.refuse("references", "as many pictures as condition_images says");
  }
  line.drawn_by = fields.optional_string("model", "");
  fields.optional_string("version", "");  // of the program; ignored
  fields.has("verification");
  fields.has("cluster_wire");
  fields.refuse_unread();
  line.hash = hash_of(fields.json(), line.references);
  return line;
}

}  // namespace

Error error_of_line(const Error& error, const std::string& place) {
  // Also of a part of the line: "posters.jsonl:3: loras".
  if (error.source().rfind(place, 0) == 0) return error;
  return Error(error.code(), concat(place, ": ", error.what()), {place, error.field()});
}

BatchFile read_batch_file(const std::string& path) {
  const auto text = io::read_text_input(path, kMaxBatchBytes);
  const auto folder = path == "-" ? fs::path() : fs::path(path).parent_path();
  BatchFile file;
  file.name = path == "-" ? "standard input" : path;
  std::map<uint64_t, int64_t> seen;  // numbers of lines by their hash
  int64_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const std::string_view bytes(text.data() + begin, end - begin);
    begin = end + 1;
    ++number;
    if (bytes.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto source = concat(file.name, ':', number);
    try {
      auto line = read_line(bytes, number, source, folder);
      const auto [first, is_new] = seen.emplace(line.hash, number);
      if (!is_new) {
        fail_at(ErrorCode::kInvalidInput,
                {source},
                ": is the same request as line ",
                first->second,
                "; give one of them a seed or a name of its own, or use count");
      }
      file.lines.push_back(std::move(line));
    } catch (const Error& error) {
      file.faults.push_back({number, error_of_line(error, source)});
    }
  }
  if (file.lines.empty() && file.faults.empty()) {
    fail(ErrorCode::kInvalidInput, file.name, ": has no requests; expected a JSON object a line");
  }
  return file;
}

std::string fingerprint_of(const BatchLine& line, const std::string& model) {
  auto hash = line.hash;
  mix(hash, "\n" + model);
  char text[32];
  constexpr uint64_t kFortyBits = (uint64_t{1} << 40) - 1;
  std::snprintf(text, sizeof text, "%010lx", static_cast<unsigned long>(hash & kFortyBits));
  return text;
}

std::vector<Image> read_references(const BatchLine& line, std::vector<std::string>& warnings) {
  std::vector<Image> images;
  for (const auto& path : line.references) {
    images.push_back(image::read_image(path, {}, &warnings));
  }
  return images;
}

}  // namespace glm_image::cli
