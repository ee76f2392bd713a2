#include "train/config/run_config.h"

#include <algorithm>

#include "core/prefix.h"
#include "io/json_parse.h"
#include "train/config/stage_keys.h"
#include "train/config/stage_names.h"

namespace glm_image::train {
namespace {

constexpr int64_t kMaxConfigBytes = 1 << 20;

/// The line number of the last part of a dotted key, or 0.
int64_t line_of(const std::string& text, std::string key) {
  key = key.substr(key.rfind('.') + 1);
  const auto at = text.find('"' + key + '"');
  return at == std::string::npos
             ? 0
             : 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n');
}

}  // namespace

RunConfig RunConfig::load(const std::filesystem::path& file) {
  return parse(io::read_text_file(file, io::kMaxJsonBytes), file);
}

RunConfig RunConfig::parse(const std::string& text, const std::filesystem::path& file) {
  RunConfig config{{},
                   {},
                   {},
                   {},
                   0,
                   {},
                   io::JsonFields(io::parse_user_json(text, file.string()), file.string())};
  const auto path = [&](const std::string& name) {
    return (file.parent_path() / name).lexically_normal();
  };
  try {
    const auto keys = config.read<RunKeys>();
    config.stage = present_stage_name(keys.stage);
    if (config.stage != keys.stage) {
      warn_of_old_name(*config.warnings, file.string(), keys.stage, config.stage);
    }
    config.run = path(keys.run);
    config.data = path(keys.data);
    config.model = path(keys.model);
    config.seed = static_cast<uint64_t>(keys.seed);
    if (!keys.start.empty()) config.start = path(keys.start);
  } catch (const Error& error) {
    throw with_line(error, file);
  }
  return config;
}

io::JsonFields RunConfig::stage_fields() const {
  const char* old_name = old_stage_name(stage);
  if (old_name == nullptr || !fields.json().contains(old_name)) {
    return fields.object_or_empty(stage);
  }
  if (fields.has(stage)) {
    fields.refuse(old_name, concat("absent beside '", stage, "', its new name"));
  }
  warn_of_old_name(*warnings, fields.source(), old_name, stage);
  return fields.required_object(old_name);
}

void RunConfig::refuse_unread() const {
  try {
    fields.refuse_unread();
  } catch (const Error& error) {
    throw with_line(error, fields.source());
  }
}

Error with_line(const Error& error, const std::filesystem::path& file) {
  if (error.source() != file.string() || error.field().empty()) return error;
  std::error_code missing;
  if (!std::filesystem::exists(file, missing)) return error;  // the config of another machine
  const auto line = line_of(io::read_text_file(file, kMaxConfigBytes), error.field());
  return line == 0 ? error : error.with_source(concat(file.string(), ", line ", line));
}

}  // namespace glm_image::train
